import { createSocket, type Socket } from 'node:dgram'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { UtpConnection } from '../../shared/utp/connection.ts'
import { UTP_DEFAULTS, type UtpSettings } from '../../shared/utp/constants.ts'
import { UtpEndpoint, type UtpRequest } from '../../shared/utp/endpoint.ts'
import type { UtpEvents } from '../../shared/utp/events.ts'
import { Ledbat } from '../../shared/utp/ledbat.ts'
import type { Counters } from '../../shared/world/counters.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'

/** Several megabytes a second come in bursts while the event loop is busy elsewhere. */
const RECEIVE_BUFFER_BYTES = 4 << 20
const MAX_CONNECTIONS = 500

export interface UtpSocketOptions {
  /** An IP address of this machine, and a port or 0. */
  readonly host: string
  readonly port: number
  readonly counters: Counters
  readonly settings?: Partial<UtpSettings>
  /** Somebody wants to connect. Without this, all are refused. */
  readonly incoming?: (request: UtpRequest) => void
}

/** uTP over a UDP socket of its own, as swarm peers speak it: for tests against other implementations, and for tools. */
export class UtpSocket {
  private readonly socket: Socket
  private readonly endpoint: UtpEndpoint

  private constructor(socket: Socket, options: UtpSocketOptions) {
    this.socket = socket
    const settings = { ...UTP_DEFAULTS, ...options.settings }
    const { counters, incoming } = options
    this.endpoint = new UtpEndpoint({
      clock: new NodeClock(),
      random: new NodeRandom(),
      counters,
      settings: () => settings,
      congestion: ({ maxPacketBytes }) => new Ledbat(maxPacketBytes),
      send: (to, packet) =>
        // An error to one peer is loss to uTP.
        socket.send(packet, to.port, to.host, (error) => {
          if (error) counters.add('utp-send-failed')
        }),
      ...(incoming === undefined ? {} : { incoming }),
      maxConnections: MAX_CONNECTIONS,
    })
    socket.on('message', (packet, { address, port }) => {
      this.endpoint.receive(addressOf(address, port), packet)
    })
    socket.on('error', () => counters.add('utp-socket-error'))
  }

  /** Binds the socket. Rejects with the system's error if it cannot. */
  static async open(options: UtpSocketOptions): Promise<UtpSocket> {
    const type = options.host.includes(':') ? 'udp6' : 'udp4'
    const socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER_BYTES })
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind(options.port, options.host, () => {
        socket.off('error', reject)
        resolve()
      })
    })
    return new UtpSocket(socket, options)
  }

  get address(): IpAddress {
    const { address, port } = this.socket.address()
    return addressOf(address, port) as IpAddress
  }

  /** Throws a CulvertError 'utp-too-many-connections'. */
  connect(to: IpAddress, events: UtpEvents): UtpConnection {
    const made = this.endpoint.connect(to, events)
    if (made === undefined) {
      throw new CulvertError(
        'utp-too-many-connections',
        `this socket holds ${MAX_CONNECTIONS} connections already`,
      )
    }
    return made.connection
  }

  /** Ends all connections without a word, and the socket. */
  async close(): Promise<void> {
    this.endpoint.abandon()
    await new Promise<void>((resolve) => this.socket.close(() => resolve()))
  }
}
