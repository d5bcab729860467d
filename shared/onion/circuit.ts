import { type Address, isNoAddress } from '../bytes/address.ts'
import { CulvertError } from '../bytes/error.ts'
import type { SessionKeys } from '../crypto/handshake.ts'
import type { Link } from '../link/link.ts'
import { uint16, uint32 } from '../world/random.ts'
import { addressBytes, NO_ADDRESS_BYTES } from './addresses.ts'
import { CellSize, messageBytesIn } from './cell-size.ts'
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
import { CircuitBuilding } from './circuit-building.ts'
import { CircuitInbox } from './circuit-inbox.ts'
import { CircuitLayers } from './circuit-layers.ts'
import type { CircuitOptions } from './circuit-options.ts'
import { type CircuitCloseReason, type CircuitState, transition } from './circuit-state.ts'
import {
  CELL_HEADER_BYTES,
  CIRCUIT_SETTINGS,
  type CircuitSettings,
  DESTROY_REASON,
  MAX_HOPS,
  MESSAGE,
} from './constants.ts'
import { destroyCircuitId, destroyReasonFor, encodeDestroy, readDestroy } from './destroy.ts'
import type { EndToEndRole } from './end-to-end.ts'
import { Hop, type HopStatus } from './hop.ts'
import { HttpExchange } from './http-exchange.ts'
import { Liveness } from './liveness.ts'
import { paddedMessage } from './message-padding.ts'
import { decodeMessage, encodeMessage, type MessageBody, type MessageId } from './messages.ts'
import { RelayEarlyBudget } from './relay-early.ts'

/** Destroys whose signature is checked: the first hop needs one, and who can send as its address can send any number. */
const BAD_DESTROYS = 20

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
  private readonly layers = new CircuitLayers()
  private readonly building: CircuitBuilding
  private readonly liveness: Liveness
  private readonly relayEarly = new RelayEarlyBudget()
  private readonly cellSize: CellSize
  private readonly http: HttpExchange
  private readonly inbox: CircuitInbox
  /** Where all hops are ours: stock hops would ignore it, but need not be told apart by it. */
  private readonly pads: boolean
  private badDestroys = 0

  constructor(options: CircuitOptions) {
    const { path, random, clock, events } = options
    if (path.length < 1 || path.length > MAX_HOPS) {
      throw new CulvertError('circuit-path', `a path of ${path.length} hops, 1 to ${MAX_HOPS} belong`)
    }
    this.options = options
    this.settings = { ...CIRCUIT_SETTINGS, ...options.settings }
    this.id = options.id ?? uint32(random)
    this.link = options.link
    this.path = path.map((hop) => new Hop(hop))
    this.hops = this.path
    this.pads = this.path.every((hop) => hop.culvert)
    this.liveness = new Liveness(clock, this.settings, {
      ping: () => this.sendPing(),
      suspected: () => {
        if (this.suspect) events.suspected?.(this)
      },
      cleared: () => events.changed(this),
      dead: () => this.fail(this.state === 'ready' ? 'timed-out' : 'hop-timeout'),
    })
    const send = (message: Uint8Array) => this.sendMessage(message)
    this.cellSize = new CellSize({ link: options.link, path: this.path, clock, random, send })
    this.building = new CircuitBuilding(options, this.settings, this.path, this.layers, {
      create: (message) => this.sendCreate(message),
      extend: (message) => this.sendMessage(message, true),
      askCellSize: (index) => this.cellSize.ask(index),
      begun: () => this.liveness.start(),
      ping: () => this.liveness.ping(),
      changed: () => events.changed(this),
      failed: (reason) => this.fail(reason),
    })
    this.http = new HttpExchange({
      clock,
      random,
      maxMessageBytes: () => this.layers.maxMessageBytes,
      send,
      count: (name) => this.count(name),
      done: (identifier, response) => events.httpResponse?.(this, identifier, response),
    })
    this.inbox = new CircuitInbox(this, events, {
      extended: (answer) => this.answered(this.layers.hops.length, answer),
      pong: (identifier) => this.receivePong(identifier),
      httpResponse: (part) => this.http.response(part),
      cellSize: (answer) => this.cellSize.answered(answer),
      send,
      count: (name) => this.count(name),
    })
  }

  /** Something was sent and nothing comes back, for a second or more; any sign of life ends it (C-05). */
  get suspect(): boolean {
    return this.liveness.suspect && this.state === 'ready' && !this.layers.isWaiting
  }

  /** While building, the hop before the failed one said that it could not extend to it; the first hop tells, who may lie. */
  get refusedByPrevious(): boolean {
    const { destroyReason: reason, failedHop = 0, layers } = this
    return reason === DESTROY_REASON['extend-failed'] && failedHop > 0 && failedHop === layers.hops.length
  }

  /** The largest message of a stream that may be sent now, its id included (83): more than others where all links are streams. */
  get streamMessageBytes(): number {
    const { layers } = this
    return layers.isEndToEnd ? layers.maxMessageBytes : messageBytesIn(this.cellSize.cellBytes)
  }

  /** Sends create to the first hop. To be called once. */
  start(): void {
    this.building.start()
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

  /**
   * Asks the last hop for `responseBytes` random bytes.
   * @param wide as Tribler's own endpoint asks, with an identifier of 4 bytes
   * @returns the identifier of the `tested` event to come
   */
  sendTest(responseBytes: number, data: Uint8Array, wide = false): number | undefined {
    if (this.state !== 'ready') return undefined
    const { random } = this.options
    const identifier = wide ? uint32(random) : uint16(random)
    const id = wide ? MESSAGE.wideTestRequest : MESSAGE.testRequest
    this.sendMessage(encodeMessage(id, { identifier, responseBytes, data }))
    return identifier
  }

  /**
   * Has the exit send `request` over a TCP connection of its own to `target` (messages 28 and 29; the exit needs
   * FLAG_EXIT_HTTP, and lets pass what a tracker answers). An `httpResponse` event comes in any case.
   * @returns the identifier of that event; undefined if not ready, too large, or too many are open
   */
  httpRequest(target: Address, request: Uint8Array): number | undefined {
    return this.state === 'ready' ? this.http.request(target, request) : undefined
  }

  /** Sends any message through the whole circuit. False if it is not ready or the message does not fit a cell. */
  sendControl<I extends MessageId>(id: I, body: MessageBody<I>): boolean {
    if (this.state !== 'ready') return false
    const message = encodeMessage(id, body)
    if (message.length > this.layers.maxMessageBytes) {
      this.count('circuit-message-too-large')
      return false
    }
    this.sendMessage(message)
    return true
  }

  /**
   * Makes this one end of an end-to-end circuit, under an innermost layer: data, pings and their answers go to the other end
   * from now on, and nothing but those is taken from it. The downloader calls it when the circuits are linked; the seeder
   * before: until the other end is heard, its last hop still answers its pings and its circuit is not suspect.
   */
  addEndToEnd(keys: SessionKeys, role: EndToEndRole): void {
    this.layers.addEndToEnd(this.options.aead, keys, role)
    this.options.events.changed(this)
  }

  /** The other end of an end-to-end circuit has been heard. */
  get linked(): boolean {
    return this.layers.isEndToEnd && !this.layers.isWaiting
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
      this.receiveSealed(cell)
    }
  }

  private receiveSealed(cell: Uint8Array): void {
    const { layers } = this
    const waited = layers.isWaiting
    const result = layers.open(cell, this.proven)
    if (result !== 'opened') {
      this.count(`circuit-cell-${result}`)
      return
    }
    this.liveness.heard()
    this.becomeReady()
    if (waited && this.linked) this.options.events.linked?.(this)
    this.inbox.receive(cell, layers)
  }

  private readonly proven = (hop: Hop): void => {
    hop.state = 'proven'
    this.options.events.changed(this)
  }

  private receivePong(identifier: number): boolean {
    const roundTrip = this.liveness.pong(identifier)
    if (roundTrip === undefined) return false
    this.latencyMs = roundTrip
    const last = this.path.at(-1)
    if (last !== undefined) last.latencyMs = roundTrip
    this.options.events.changed(this)
    return true
  }

  private answered(index: number, answer: MessageBody<typeof MESSAGE.created>): void {
    if (!this.building.answered(index, answer)) this.count('circuit-answer-unasked')
  }

  private becomeReady(): void {
    if (this.state !== 'extending' || !this.building.isProven) return
    this.state = transition(this.state, 'ready')
    this.building.stop()
    this.readyAtMs = this.options.clock.now()
    this.options.events.ready(this)
  }

  private sendCreate(message: Uint8Array): void {
    this.relayEarly.take(true, 0, this.path.length)
    this.transmit(plaintextCell(this.options.prefix, this.id, true, message), 0)
  }

  private sendPing(): number {
    const identifier = uint16(this.options.random)
    this.sendMessage(encodeMessage(MESSAGE.ping, { identifier }))
    return identifier
  }

  private sendAddressed(id: number, destination: Address, data: Uint8Array): boolean {
    const { layers } = this
    if (this.state !== 'ready' || (isNoAddress(destination) && !layers.isEndToEnd)) return false
    const to = addressBytes(destination)
    const length = 1 + to.length + NO_ADDRESS_BYTES.length + data.length
    if (length > (id === MESSAGE.stream ? this.streamMessageBytes : layers.maxMessageBytes)) {
      this.count('circuit-message-too-large')
      return false
    }
    const count = layers.countFor(id)
    const cell = cellBuffer(count, length)
    let at = messageAt(count)
    cell[at++] = id
    cell.set(to, at)
    at += to.length
    cell.set(NO_ADDRESS_BYTES, at)
    at += NO_ADDRESS_BYTES.length
    cell.set(data, at)
    this.sendSealed(cell, count, at + data.length, false)
    return true
  }

  private sendMessage(given: Uint8Array, isExtend = false): void {
    const message = this.pads && !this.layers.isEndToEnd ? paddedMessage(given) : given
    const count = this.layers.countFor(message[0] as number)
    const cell = cellBuffer(count, message.length)
    cell.set(message, messageAt(count))
    this.sendSealed(cell, count, messageAt(count) + message.length, isExtend)
  }

  /** Adds the layers in place and sends. */
  private sendSealed(cell: Uint8Array, count: number, messageEnd: number, isExtend: boolean): void {
    const { hops } = this.layers
    const relayEarly = this.relayEarly.take(isExtend, hops.length, this.path.length)
    writeCellHeader(cell, 0, this.options.prefix, this.id, false, relayEarly)
    this.layers.seal(cell, count, messageEnd)
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
    if (this.badDestroys >= BAD_DESTROYS) {
      this.count('destroy-rate-limited')
      return
    }
    try {
      this.destroyReason = readDestroy(packet, (this.path[0] as Hop).publicKey)
    } catch (error) {
      if (error instanceof CulvertError && error.code === 'packet-signature') this.badDestroys++
      throw error
    }
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
    this.building.stop()
    this.liveness.stop()
    this.http.stop()
    this.cellSize.stop()
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
