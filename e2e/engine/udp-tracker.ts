import { createSocket, type Socket } from 'node:dgram'

/** A UDP tracker on 127.0.0.1 that answers every announce with the peers it was given (BEP 15). */
export class UdpTracker {
  readonly peerPorts: number[] = []
  private readonly socket: Socket

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('message', (data, { port, address }) => {
      const action = data.readUInt32BE(8)
      const transaction = data.subarray(12, 16)
      socket.send(action === 0 ? connected(transaction) : this.announced(transaction), port, address)
    })
  }

  static async listen(): Promise<UdpTracker> {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
    return new UdpTracker(socket)
  }

  get port(): number {
    return this.socket.address().port
  }

  close(): void {
    this.socket.close()
  }

  /** Action 1, transaction, interval, leechers, seeders, peers of six bytes. */
  private announced(transaction: Uint8Array): Buffer {
    const numbers = Buffer.from([0, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 1])
    const peers = this.peerPorts.map((port) => Buffer.from([127, 0, 0, 1, port >> 8, port & 0xff]))
    return Buffer.concat([Buffer.from([0, 0, 0, 1]), transaction, numbers, ...peers])
  }
}

/** Action 0, transaction, connection id. */
function connected(transaction: Uint8Array): Buffer {
  return Buffer.concat([Buffer.alloc(4), transaction, Buffer.from('connect!')])
}
