import { formatAddress, type IpAddress } from '../bytes/address.ts'
import { equalBytes } from '../bytes/bytes.ts'
import { CulvertError } from '../bytes/error.ts'
import { isUnicast } from '../ipv8/network-of.ts'
import type { KrpcBadQuery, KrpcQuery } from './krpc.ts'
import { decodeKrpc } from './krpc-codec.ts'
import type { Meter } from './meter.ts'
import { QueryLimits } from './query-limits.ts'
import type { Server } from './server.ts'
import { type Core, sideOf } from './side.ts'

/** The first byte of every KRPC datagram: a bencoded dictionary. */
const DICTIONARY = 0x64
/** Strangers that ask us and are asked back at once, to see whether they are what they say. */
const CHALLENGES = 16

export interface ReceiverOptions {
  readonly core: Core
  readonly server: Server
  readonly meter: Meter
  mayReach(address: IpAddress): boolean
  send(address: IpAddress, datagram: Uint8Array): void
}

/** Datagrams from the socket: bounded before they are read, answers to the one who waits for them, queries answered within limits. */
export class Receiver {
  private readonly options: ReceiverOptions
  private readonly limits: QueryLimits
  private readonly challenged = new Set<string>()

  constructor(options: ReceiverOptions) {
    this.options = options
    this.limits = new QueryLimits(options.core.clock, options.core.settings)
  }

  /** @returns whether it is KRPC */
  receive(from: IpAddress, datagram: Uint8Array): boolean {
    if (datagram[0] !== DICTIONARY) return false
    const { counters, sides, rpc } = this.options.core
    if (!isUnicast(from) || !this.options.mayReach(from) || !sideOf(sides, from.kind)) {
      counters.add('kademlia-out-of-reach')
    } else if (!this.limits.mayRead(from, () => rpc.awaits(from))) {
      counters.add('kademlia-flood')
    } else {
      try {
        this.read(from, datagram)
      } catch (error) {
        if (!(error instanceof CulvertError)) throw error
        counters.add('kademlia-malformed')
      }
    }
    return true
  }

  /** A ping to a node, one at a time; who answers is offered to the table. */
  challenge(address: IpAddress, silent?: () => void): void {
    const key = formatAddress(address)
    if (this.challenged.size >= CHALLENGES || this.challenged.has(key)) return
    this.challenged.add(key)
    this.options.core.rpc.ask({
      address,
      asked: { method: 'ping' },
      done: ({ kind }) => {
        this.challenged.delete(key)
        if (kind === 'silent') silent?.()
      },
    })
  }

  private read(from: IpAddress, datagram: Uint8Array): void {
    const message = decodeKrpc(datagram)
    if (message.kind === 'response' || message.kind === 'error') this.options.core.rpc.receive(from, message)
    else this.asked(from, message, datagram.length)
  }

  private asked(from: IpAddress, query: KrpcQuery | KrpcBadQuery, bytes: number): void {
    const { core, server, meter, send } = this.options
    meter.in.add()
    // Read-only nodes answer nobody (BEP 43).
    if (core.isReadOnly()) return
    const refusal = this.limits.refusal(from)
    if (refusal) {
      core.counters.add(refusal)
      return
    }
    if (query.kind === 'bad-query') {
      const message = query.code === 204 ? 'method unknown' : 'malformed query'
      send(from, server.error(from, query.transaction, { code: query.code, message }))
      return
    }
    const answer = server.answer(from, query, bytes)
    if (answer) send(from, answer)
    if (!query.readOnly) this.meet(from, query.request.id)
  }

  /** Who asks us may be a node to know; that it asks proves neither its address nor its id. */
  private meet(from: IpAddress, id: Uint8Array): void {
    const { clock, sides } = this.options.core
    const table = sideOf(sides, from.kind)?.table
    const known = table?.at(from)
    const now = clock.now()
    if (known && equalBytes(known.id, id)) {
      // It answered us before, so it is what it says, and alive (BEP 5).
      if (known.failures === 0) known.heardMs = Math.round(now)
    } else if (table?.hasRoomFor(id, from, now)) {
      this.challenge(from)
    }
  }
}
