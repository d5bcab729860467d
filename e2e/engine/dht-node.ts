import { createSocket, type Socket } from 'node:dgram'
import bencode from 'bencode'

interface Query {
  readonly t: Uint8Array
  readonly y: Uint8Array
  readonly q?: Uint8Array
}

/** A node of the DHT on 127.0.0.1 that knows no other node, but peers of every torrent (BEP 5). */
export class DhtNode {
  readonly peerPorts: number[] = []
  /** Names of the queries that came. */
  readonly queries: string[] = []
  private readonly socket: Socket

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('message', (data, { port, address }) => {
      const answer = this.answer(bencode.decode(data) as Query)
      if (answer) socket.send(answer, port, address)
    })
  }

  static async listen(): Promise<DhtNode> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    return new DhtNode(socket)
  }

  get port(): number {
    return this.socket.address().port
  }

  close(): void {
    this.socket.close()
  }

  private answer({ t, q }: Query): Uint8Array | undefined {
    if (!q) return undefined
    const query = Buffer.from(q).toString()
    this.queries.push(query)
    const r: Record<string, unknown> = { id: Buffer.alloc(20, 7) }
    if (query === 'get_peers') {
      r.token = Buffer.from('token')
      r.values = this.peerPorts.map((port) => Buffer.from([127, 0, 0, 1, port >> 8, port & 0xff]))
    }
    return bencode.encode({ t, y: 'r', r })
  }
}
