import type { MessagePipe } from '../../shared/link/queued-link.ts'

export interface BridgeSocketEvents {
  onOpen(): void
  onMessage(message: Uint8Array): void
  /** Once, unless this end has closed. @param code as of WebSocket */
  onClosed(code: number): void
}

/** Opens a WebSocket of its own to this page's relay. */
export type OpenBridgeSocket = (events: BridgeSocketEvents) => MessagePipe

/**
 * A WebSocket as a pipe of messages that nobody here reads.
 * @param url the relay's, as this page knows it from its own site; never one that another named
 */
export function bridgeSocketTo(url: string, webSocket: typeof WebSocket): OpenBridgeSocket {
  return (events) => {
    const socket = new webSocket(url)
    let closed = false
    socket.binaryType = 'arraybuffer'
    const ended = (code: number) => {
      if (closed) return
      closed = true
      events.onClosed(code)
    }
    socket.addEventListener('open', () => {
      if (!closed) events.onOpen()
    })
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (closed) return
      if (data instanceof ArrayBuffer) events.onMessage(new Uint8Array(data))
      else {
        socket.close()
        ended(1003)
      }
    })
    socket.addEventListener('close', ({ code }) => ended(code))
    return {
      send: (message) => {
        if (socket.readyState === socket.OPEN) socket.send(message as Uint8Array<ArrayBuffer>)
      },
      bufferedBytes: () => socket.bufferedAmount,
      close: (code, reason) => {
        closed = true
        socket.close(code, reason)
      },
    }
  }
}
