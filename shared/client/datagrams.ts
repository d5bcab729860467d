import { type Address, formatAddress, type IpAddress } from '../bytes/address.ts'
import type { Counters } from '../world/counters.ts'
import { MAX_SENT_DATAGRAM_BYTES, REMEMBERED_ORIGINS } from './constants.ts'

/** A UDP socket at the exit, shared with the page's other ones: a circuit has one there. */
export interface DatagramSocket {
  /** Best effort, as UDP is. */
  send(destination: Address, data: Uint8Array): void
  close(): void
}

type Receiver = (origin: IpAddress, data: Uint8Array) => void

/**
 * Shares the one socket that a circuit has at its exit among several: what comes from an address goes to whoever sent there
 * last, what comes from elsewhere to all. Datagrams sent while there is no circuit are lost, as on any network.
 */
export class Datagrams {
  private readonly receivers = new Set<Receiver>()
  private readonly lastSender = new Map<string, Receiver>()
  private readonly transmit: (destination: Address, data: Uint8Array) => boolean
  private readonly counters: Counters

  constructor(transmit: (destination: Address, data: Uint8Array) => boolean, counters: Counters) {
    this.transmit = transmit
    this.counters = counters
  }

  open(receiver: Receiver): DatagramSocket {
    this.receivers.add(receiver)
    return {
      send: (destination, data) => this.send(receiver, destination, data),
      close: () => {
        this.receivers.delete(receiver)
      },
    }
  }

  /** What is open sends and receives nothing more. */
  closeAll(): void {
    this.receivers.clear()
    this.lastSender.clear()
  }

  receive(origin: Address, data: Uint8Array): void {
    if (origin.kind === 'domain') {
      this.counters.add('client-datagram-from-a-name')
      return
    }
    const sender = this.lastSender.get(formatAddress(origin))
    if (sender && this.receivers.has(sender)) sender(origin, data)
    else for (const receiver of [...this.receivers]) receiver(origin, data)
  }

  private send(receiver: Receiver, destination: Address, data: Uint8Array): void {
    if (!this.receivers.has(receiver)) return
    if (data.length > MAX_SENT_DATAGRAM_BYTES) {
      this.counters.add('client-datagram-too-large')
      return
    }
    const key = formatAddress(destination)
    if (this.lastSender.get(key) !== receiver) {
      this.lastSender.delete(key)
      this.lastSender.set(key, receiver)
      if (this.lastSender.size > REMEMBERED_ORIGINS) {
        const [oldest] = this.lastSender.keys()
        if (oldest !== undefined) this.lastSender.delete(oldest)
      }
    }
    if (!this.transmit(destination, data)) this.counters.add('client-datagram-dropped')
  }
}
