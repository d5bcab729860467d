import type { ChannelRequest, OpenChannelPort } from './channel-messages.ts'

/** Asks the main thread for one data channel, whose messages then go over `port` (transferred). */
export interface ChannelOrder {
  readonly request: ChannelRequest
  readonly port: MessagePort
}

/** The worker's side of `serveChannels`. The port is the engine's alone: nothing else in the worker can ask for channels. */
export function channelOpener(orders: MessagePort): OpenChannelPort {
  return (request) => {
    const { port1, port2 } = new MessageChannel()
    const order: ChannelOrder = { request, port: port2 }
    orders.postMessage(order, [port2])
    return port1
  }
}
