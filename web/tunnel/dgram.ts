import { Buffer } from 'node:buffer'
import { EventEmitter } from 'node:events'
import { type Address, addressOf, formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import { currentTunnel } from './current-tunnel.ts'
import { type DatagramUser, hubOf } from './datagram-hub.ts'
import { randomPort } from './net.ts'
import { TrackerRequests } from './tracker-requests.ts'
import type { TunnelDatagrams } from './tunnel.ts'

/** In place of Node's `dgram`: UDP datagrams leave at the exit of a circuit (requirement C-07). */

type Callback = (error?: Error | null) => void

/** Destinations remembered by a socket that was never bound; more than any tracker needs. */
const ASKED_LIMIT = 64

/**
 * A UDP socket. One that was bound (the DHT's) takes datagrams from anyone; one that only sent speaks to trackers (BEP 15), as
 * all of them in WebTorrent do: it takes answers to its requests, from those that it asked or, where it asked by name, from the port
 * that it asked, and asks again if none comes.
 */
export class Socket extends EventEmitter implements DatagramUser {
  private readonly datagrams: TunnelDatagrams
  private readonly asked = new Set<string>()
  private readonly requests: TrackerRequests
  private port = 0
  private bound = false
  private closed = false

  constructor() {
    super()
    this.datagrams = hubOf(currentTunnel()).open(this)
    this.requests = new TrackerRequests((destination, data) => this.datagrams.send(destination, data))
  }

  /** bind([port], [address], [callback]) */
  bind(...args: unknown[]): this {
    const listening = args.find((arg): arg is () => void => typeof arg === 'function')
    if (listening) this.once('listening', listening)
    this.bound = true
    this.listen(typeof args[0] === 'number' ? args[0] : 0)
    return this
  }

  /** send(data, [offset, length], port, host, [callback]); the port may be text, the host a name. */
  send(data: Uint8Array, ...rest: unknown[]): void {
    const callback = rest.findLast((arg): arg is Callback => typeof arg === 'function')
    const numbers = rest.filter((arg) => arg !== callback)
    const [offset, length, port, host] =
      numbers.length >= 4 ? numbers : [0, data.length, numbers[0], numbers[1]]
    const start = Number(offset)
    if (this.port === 0) this.listen(0)
    const destination = addressOf(String(host), Number(port))
    this.remember(destination)
    if (!this.closed) {
      // A copy, and not by `slice`, which gives a view where `data` is a Buffer.
      const request = new Uint8Array(data.subarray(start, start + Number(length)))
      this.datagrams.send(destination, request)
      // The DHT's own socket keeps its own time.
      if (!this.bound) this.requests.asked(destination, request)
    }
    if (callback) queueMicrotask(() => callback(null))
  }

  address(): { address: string; family: string; port: number } {
    return { address: '0.0.0.0', family: 'IPv4', port: this.port }
  }

  close(closed?: () => void): this {
    if (this.closed) return this
    this.closed = true
    this.requests.close()
    this.datagrams.close()
    queueMicrotask(() => {
      this.emit('close')
      closed?.()
    })
    return this
  }

  private listen(port: number): void {
    this.port = port || randomPort()
    queueMicrotask(() => {
      if (!this.closed) this.emit('listening')
    })
  }

  private remember(destination: Address): void {
    if (this.bound || this.asked.size >= ASKED_LIMIT) return
    this.asked.add(destination.kind === 'domain' ? `name:${destination.port}` : formatAddress(destination))
  }

  get takesAny(): boolean {
    return this.bound
  }

  claim(origin: IpAddress, data: Uint8Array): boolean {
    const expected =
      this.bound || this.asked.has(formatAddress(origin)) || this.asked.has(`name:${origin.port}`)
    if (this.closed || !expected) return false
    const answer = this.bound ? 'first' : this.requests.answered(origin.port, data)
    if (answer !== 'first') return answer === 'again'
    const family = origin.kind === 'ipv4' ? 'IPv4' : 'IPv6'
    const message = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    this.emit('message', message, {
      address: origin.host,
      family,
      port: origin.port,
      size: data.length,
    })
    return true
  }
}

/** @param _type `udp4` or an options object: circuits carry both families, so it makes no difference */
export function createSocket(_type: unknown, onMessage?: (...args: unknown[]) => void): Socket {
  const socket = new Socket()
  if (onMessage) socket.on('message', onMessage)
  return socket
}

export default { createSocket, Socket }
