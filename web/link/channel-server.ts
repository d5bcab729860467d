import type { ChannelReport } from './channel-messages.ts'
import type { ChannelOrder } from './channel-orders.ts'

/**
 * The main thread's side: makes the data channels that the engine asks for on `orders`. What makes them is loaded with the
 * first: where no relay offers WebRTC, none of it runs.
 */
export function serveChannels(orders: MessagePort): void {
  orders.onmessage = ({ data: { request, port } }: MessageEvent<ChannelOrder>) => {
    import('./peer-connections.ts').then(
      ({ servePeer }) => servePeer(request, port),
      () => port.postMessage({ type: 'closed' } satisfies ChannelReport),
    )
  }
}
