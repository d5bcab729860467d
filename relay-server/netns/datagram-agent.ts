import { once } from 'node:events'
import { answerCalls, inheritedSocket } from './remote.ts'

/** Sends and receives datagrams at inherited sockets for a test: see `remote.ts`. */

export interface Received {
  readonly host: string
  readonly port: number
  readonly text: string
}

const sockets = new Map<number, { send(text: string, port: number, host: string): void; queue: Received[] }>()
const arrivals = new EventTarget()

answerCalls({
  async open(index: number) {
    const socket = await inheritedSocket(index)
    const queue: Received[] = []
    socket.on('message', (data, { address, port }) => {
      queue.push({ host: address, port, text: data.toString() })
      arrivals.dispatchEvent(new Event('arrival'))
    })
    sockets.set(index, { queue, send: (text, port, host) => socket.send(text, port, host) })
  },
  send(index: number, host: string, port: number, text: string) {
    sockets.get(index)?.send(text, port, host)
  },
  /** What socket `index` has received so far, once `text` is among it; and forgets it. */
  async receivedUntil(index: number, text: string): Promise<Received[]> {
    const queue = sockets.get(index)?.queue ?? []
    while (!queue.some((each) => each.text === text)) await once(arrivals, 'arrival')
    return queue.splice(0)
  },
})
