import type { IpAddress } from '../../shared/bytes/address.ts'
import type { Tunnel, TunnelDatagrams } from './tunnel.ts'

export interface DatagramUser {
  /** Takes anything, so it is asked after those who know what they wait for. May change at any time. */
  readonly takesAny: boolean
  /** @returns whether the datagram was this user's */
  claim(origin: IpAddress, data: Uint8Array): boolean
}

/**
 * One UDP socket of the tunnel, shared by the DHT, uTP and trackers. They cannot be told apart by the far side's address: a
 * peer has its DHT node and its uTP on one port. So each is asked in turn whether a datagram is its own. The socket is open
 * while somebody uses it.
 */
export class DatagramHub {
  private readonly tunnel: Tunnel
  private readonly users = new Set<DatagramUser>()
  private socket: TunnelDatagrams | undefined

  constructor(tunnel: Tunnel) {
    this.tunnel = tunnel
  }

  open(user: DatagramUser): TunnelDatagrams {
    this.users.add(user)
    this.socket ??= this.tunnel.datagrams((origin, data) => this.receive(origin, data))
    return {
      send: (destination, data) => {
        if (this.users.has(user)) this.socket?.send(destination, data)
      },
      close: () => {
        this.users.delete(user)
        if (this.users.size > 0) return
        this.socket?.close()
        this.socket = undefined
      },
    }
  }

  private receive(origin: IpAddress, data: Uint8Array): void {
    for (const user of this.users) if (!user.takesAny && user.claim(origin, data)) return
    for (const user of this.users) if (user.takesAny && user.claim(origin, data)) return
  }
}

const hubs = new WeakMap<Tunnel, DatagramHub>()

export function hubOf(tunnel: Tunnel): DatagramHub {
  let hub = hubs.get(tunnel)
  if (!hub) {
    hub = new DatagramHub(tunnel)
    hubs.set(tunnel, hub)
  }
  return hub
}
