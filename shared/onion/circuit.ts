import { type Address, isNoAddress } from '../bytes/address.ts'
import { CulvertError } from '../bytes/error.ts'
import { ephemeralKey } from '../crypto/handshake.ts'
import type { Link } from '../link/link.ts'
import type { Timer } from '../world/clock.ts'
import { uint16, uint32 } from '../world/random.ts'
import { AddressReader, addressBytes, NO_ADDRESS_BYTES } from './addresses.ts'
import {
  cellBuffer,
  cellCircuitId,
  hasPrefix,
  isCell,
  isPlaintext,
  messageAt,
  packetType,
  plaintextCell,
  writeCellHeader,
} from './cells.ts'
import type { CircuitOptions } from './circuit-options.ts'
import { type CircuitCloseReason, type CircuitState, transition } from './circuit-state.ts'
import {
  CELL_HEADER_BYTES,
  CIRCUIT_SETTINGS,
  type CircuitSettings,
  COUNTER_BYTES,
  DESTROY_REASON,
  LAYER_BYTES,
  MAX_HOPS,
  MAX_MESSAGE_BYTES,
  MESSAGE,
  OWNER_RELAY_EARLY_CELLS,
} from './constants.ts'
import { destroyCircuitId, encodeDestroy, readDestroy } from './destroy.ts'
import { STREAM_RESET_REASONS, type StreamResetReason } from './exit-port.ts'
import { Hop, type HopStatus } from './hop.ts'
import { Liveness } from './liveness.ts'
import { decodeMessage, encodeMessage, type MessageBody } from './messages.ts'

const AEAD_TAG = LAYER_BYTES - COUNTER_BYTES
const RESET_REASONS = new Map(
  Object.entries(STREAM_RESET_REASONS).map(([name, value]) => [value as number, name as StreamResetReason]),
)

/**
 * A circuit as its owner sees it (C-01 to C-04). Chooses nothing: the path is given, and every EXTEND names the next hop's
 * key and address, so that no hop has a say in who comes after it. A hop that does not answer fails the circuit; what to
 * build instead is the pool's matter. No I/O. Nothing that comes in makes `receive` throw.
 */
export class Circuit {
  readonly id: number
  readonly link: Link
  readonly hops: readonly HopStatus[]
  state: CircuitState = 'extending'
  /** The last ping's round trip to the last hop. */
  latencyMs: number | undefined
  /** The clock's `now()` at which it became ready. */
  readyAtMs: number | undefined
  /** Packet bytes over the link. */
  bytesIn = 0
  bytesOut = 0
  /** Index of the hop that was being asked, or still unproven, when building failed. */
  failedHop: number | undefined
  /** The reason in the first hop's destroy, if there was one. */
  destroyReason: number | undefined

  private readonly options: CircuitOptions
  private readonly settings: CircuitSettings
  private readonly path: readonly Hop[]
  /** The hops that have answered: the layers of a cell. */
  private layers: Hop[] = []
  private readonly liveness: Liveness
  private readonly addresses = new AddressReader()
  private hopTimer: Timer | undefined
  private buildTimer: Timer | undefined
  private cellsSent = 0

  constructor(options: CircuitOptions) {
    const { path, random, clock } = options
    if (path.length < 1 || path.length > MAX_HOPS) {
      throw new CulvertError('circuit-path', `a path of ${path.length} hops, 1 to ${MAX_HOPS} belong`)
    }
    this.options = options
    this.settings = { ...CIRCUIT_SETTINGS, ...options.settings }
    this.id = options.id ?? uint32(random)
    this.link = options.link
    this.path = path.map((hop) => new Hop(hop))
    this.hops = this.path
    this.liveness = new Liveness(clock, this.settings, {
      ping: () => this.sendPing(),
      dead: () => this.fail(this.state === 'ready' ? 'timed-out' : 'hop-timeout'),
    })
  }

  /** Sends create to the first hop. To be called once. */
  start(): void {
    this.buildTimer = this.options.clock.after(this.settings.buildTimeoutMs, () => this.fail('build-timeout'))
    this.askNext()
  }

  /** Takes a packet that came over this circuit's link and has its id: a cell or a destroy, whole. Keeps its memory. */
  receive(packet: Uint8Array): void {
    if (this.state === 'closing' || this.state === 'closed') return
    try {
      if (!hasPrefix(packet, this.options.prefix)) this.count('circuit-foreign-packet')
      else if (isCell(packet)) this.receiveCell(packet)
      else if (packetType(packet) === MESSAGE.destroy) this.receiveDestroy(packet)
      else this.count('circuit-unknown-packet')
    } catch (error) {
      this.count(error instanceof CulvertError ? error.code : 'circuit-fault')
    }
  }

  /** Sends a UDP datagram from the exit. False, and counted, if the circuit is not ready or `data` does not fit a cell. */
  sendDatagram(destination: Address, data: Uint8Array): boolean {
    return this.sendAddressed(MESSAGE.data, destination, data)
  }

  /** Sends a uTP packet of a stream that the exit ends in TCP at `destination`. False as above. */
  sendStream(destination: Address, packet: Uint8Array): boolean {
    return this.sendAddressed(MESSAGE.stream, destination, packet)
  }

  /** Asks the last hop for `responseBytes` random bytes. @returns the identifier of the `tested` event to come */
  sendTest(responseBytes: number, data: Uint8Array): number | undefined {
    if (this.state !== 'ready') return undefined
    const identifier = uint16(this.options.random)
    this.sendMessage(encodeMessage(MESSAGE.testRequest, { identifier, responseBytes, data }))
    return identifier
  }

  /** Pings the last hop now, besides the pings that go on by themselves. */
  ping(): void {
    if (this.state === 'ready') this.liveness.ping()
  }

  /** Closes the circuit and tells the first hop. Idempotent. */
  destroy(reason: 'unneeded' | 'replaced' | 'shutdown' | 'worn-out'): void {
    this.close(reason)
  }

  /** The link has closed: nothing can be sent any more. */
  linkClosed(): void {
    this.close('link-closed')
  }

  private askNext(): void {
    const { options, path } = this
    const index = this.layers.length
    const hop = path[index] as Hop
    const identifier = uint16(options.random)
    const ephemeral = ephemeralKey(options.random)
    const dhKey = ephemeral.publicKey
    hop.ask(identifier, ephemeral, options.clock.now())
    this.setHopTimer()
    if (index === 0) {
      const nodeKey = options.keyPair.publicKey.bytes
      const create = encodeMessage(MESSAGE.create, { identifier, nodeKey, dhKey })
      this.cellsSent++
      this.transmit(plaintextCell(options.prefix, this.id, true, create), 0)
    } else {
      const extend = { identifier, nodeKey: hop.publicKey.bytes, dhKey, address: hop.address }
      this.sendMessage(encodeMessage(MESSAGE.extend, extend), true)
    }
    options.events.changed(this)
  }

  private setHopTimer(): void {
    this.hopTimer?.cancel()
    this.hopTimer = this.options.clock.after(this.settings.hopTimeoutMs, () => this.fail('hop-timeout'))
  }

  private receiveCell(cell: Uint8Array): void {
    if (cellCircuitId(cell) !== this.id) {
      this.count('circuit-foreign-packet')
      return
    }
    this.bytesIn += cell.length
    if (isPlaintext(cell)) {
      // Only created comes in plaintext; decodeMessage refuses all else.
      this.answered(0, decodeMessage(MESSAGE.created, cell, CELL_HEADER_BYTES))
    } else {
      this.openLayers(cell)
    }
  }

  /** Takes all layers off, first hop's first. Each that opens proves its hop. */
  private openLayers(cell: Uint8Array): void {
    let at = CELL_HEADER_BYTES
    let end = cell.length
    for (const hop of this.layers) {
      const result = hop.opener?.open(cell, at, end)
      if (result !== 'opened') {
        this.count(`circuit-cell-${result}`)
        return
      }
      at += COUNTER_BYTES
      end -= AEAD_TAG
      if (hop.state === 'unproven') {
        hop.state = 'proven'
        this.options.events.changed(this)
      }
    }
    if (at === CELL_HEADER_BYTES || at === end) {
      this.count('circuit-cell-empty')
      return
    }
    this.liveness.heard()
    this.becomeReady()
    this.receiveMessage(cell, at, end)
  }

  private receiveMessage(cell: Uint8Array, at: number, end: number): void {
    switch (cell[at]) {
      case MESSAGE.data:
      case MESSAGE.stream:
        this.receiveAddressed(cell, at, end)
        break
      case MESSAGE.pong:
        this.receivePong(decodeMessage(MESSAGE.pong, cell, at, end).identifier)
        break
      case MESSAGE.extended:
        this.answered(this.layers.length, decodeMessage(MESSAGE.extended, cell, at, end))
        break
      case MESSAGE.streamReset:
        this.receiveReset(decodeMessage(MESSAGE.streamReset, cell, at, end))
        break
      case MESSAGE.testResponse: {
        const { identifier, data } = decodeMessage(MESSAGE.testResponse, cell, at, end)
        this.options.events.tested?.(this, identifier, data)
        break
      }
      default:
        this.count('circuit-unknown-message')
    }
  }

  private receiveAddressed(cell: Uint8Array, at: number, end: number): void {
    const { addresses } = this
    const destination = addresses.read(cell, at + 1, end)
    const origin = addresses.read(cell, addresses.end, end)
    const data = cell.subarray(addresses.end, end)
    if (this.state !== 'ready') this.count('circuit-not-ready')
    else if (cell[at] === MESSAGE.stream) this.options.events.stream(this, destination, data)
    else this.options.events.datagram(this, origin, data)
  }

  private receiveReset(reset: MessageBody<typeof MESSAGE.streamReset>): void {
    const reason = RESET_REASONS.get(reset.reason) ?? 'unspecified'
    this.options.events.streamReset(this, reset.destination, reset.connectionId, reason)
  }

  private receivePong(identifier: number): void {
    const roundTrip = this.liveness.pong(identifier)
    if (roundTrip === undefined) {
      this.count('circuit-pong-unasked')
      return
    }
    this.latencyMs = roundTrip
    const last = this.path.at(-1)
    if (last !== undefined) last.latencyMs = roundTrip
    this.options.events.changed(this)
  }

  /** Created of the first hop, extended of the others. */
  private answered(index: number, answer: MessageBody<typeof MESSAGE.created>): void {
    const hop = this.path[index]
    const asked = hop?.asked
    if (hop === undefined || asked === undefined || asked.identifier !== answer.identifier) {
      this.count('circuit-answer-unasked')
      return
    }
    const { aead, clock, events } = this.options
    try {
      hop.answer(asked, answer, aead, this.settings.firstCounter, clock.now())
    } catch (error) {
      this.count(error instanceof CulvertError ? error.code : 'circuit-fault')
      this.fail('handshake-auth')
      return
    }
    this.layers = [...this.layers, hop]
    if (this.layers.length === 1) this.liveness.start()
    const isLast = this.layers.length === this.path.length
    // The pong proves the hop. Before the extend, so that it is this hop, as the last, that answers it.
    if (isLast || this.settings.proveEachHop) this.liveness.ping()
    if (isLast) {
      this.setHopTimer()
      events.changed(this)
    } else {
      this.askNext()
    }
  }

  private becomeReady(): void {
    if (this.state !== 'extending' || this.path.some((hop) => hop.state !== 'proven')) return
    this.state = transition(this.state, 'ready')
    this.hopTimer?.cancel()
    this.buildTimer?.cancel()
    this.readyAtMs = this.options.clock.now()
    this.options.events.ready(this)
  }

  private sendPing(): number {
    const identifier = uint16(this.options.random)
    this.sendMessage(encodeMessage(MESSAGE.ping, { identifier }))
    return identifier
  }

  private sendAddressed(id: number, destination: Address, data: Uint8Array): boolean {
    if (this.state !== 'ready' || isNoAddress(destination)) return false
    const to = addressBytes(destination)
    const length = 1 + to.length + NO_ADDRESS_BYTES.length + data.length
    if (length > MAX_MESSAGE_BYTES) {
      this.count('circuit-message-too-large')
      return false
    }
    const layers = this.layers.length
    const cell = cellBuffer(layers, length)
    let at = messageAt(layers)
    cell[at++] = id
    cell.set(to, at)
    at += to.length
    cell.set(NO_ADDRESS_BYTES, at)
    at += NO_ADDRESS_BYTES.length
    cell.set(data, at)
    this.sendSealed(cell, at + data.length, false)
    return true
  }

  private sendMessage(message: Uint8Array, isExtend = false): void {
    const layers = this.layers.length
    const cell = cellBuffer(layers, message.length)
    cell.set(message, messageAt(layers))
    this.sendSealed(cell, messageAt(layers) + message.length, isExtend)
  }

  /** Adds all layers in place, last hop's first, and sends. */
  private sendSealed(cell: Uint8Array, messageEnd: number, isExtend: boolean): void {
    const relayEarly = isExtend || this.cellsSent < OWNER_RELAY_EARLY_CELLS
    this.cellsSent++
    writeCellHeader(cell, 0, this.options.prefix, this.id, false, relayEarly)
    let end = messageEnd
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const { sealer } = this.layers[i] as Hop
      if (sealer !== undefined) end = sealer.seal(cell, CELL_HEADER_BYTES + i * COUNTER_BYTES, end)
    }
    this.liveness.sent()
    this.transmit(cell, this.id)
  }

  private transmit(packet: Uint8Array, flow: number): void {
    this.bytesOut += packet.length
    this.link.send(packet, flow)
    if (this.bytesIn + this.bytesOut >= this.settings.maxBytes) this.close('worn-out')
  }

  private receiveDestroy(packet: Uint8Array): void {
    if (destroyCircuitId(packet) !== this.id) {
      this.count('circuit-foreign-packet')
      return
    }
    this.destroyReason = readDestroy(packet, (this.path[0] as Hop).publicKey)
    this.fail('destroyed')
  }

  /** Closes; while building, the first hop that is not proven has failed. */
  private fail(reason: CircuitCloseReason): void {
    const index = this.path.findIndex((hop) => hop.state !== 'proven')
    const hop = this.path[index]
    if (this.state === 'extending' && hop !== undefined) {
      this.failedHop = index
      hop.state = 'failed'
    }
    this.close(reason)
  }

  private close(reason: CircuitCloseReason): void {
    if (this.state === 'closing' || this.state === 'closed') return
    const { prefix, keyPair, events } = this.options
    this.state = transition(this.state, 'closing')
    this.hopTimer?.cancel()
    this.buildTimer?.cancel()
    this.liveness.stop()
    if (this.link.open && reason !== 'link-closed' && reason !== 'destroyed') {
      this.link.send(encodeDestroy(prefix, keyPair, this.id, destroyReasonFor(reason)), 0)
    }
    this.state = transition(this.state, 'closed')
    events.changed(this)
    events.closed(this, reason)
  }

  private count(name: string): void {
    this.options.counters.add(name)
  }
}

/** What the hops are told: no more than they need. */
function destroyReasonFor(reason: CircuitCloseReason): number {
  if (reason === 'shutdown') return DESTROY_REASON.shutdown
  return reason === 'unneeded' || reason === 'replaced' ? DESTROY_REASON.unneeded : DESTROY_REASON.unknown
}
