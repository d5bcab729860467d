import { toHex } from '../bytes/bytes.ts'
import type { SessionKeys } from '../crypto/handshake.ts'
import { PublicKey } from '../identity/keys.ts'
import { MESSAGE } from '../onion/constants.ts'
import type { PathHop } from '../onion/hop.ts'
import { relayKey } from '../path/relay.ts'
import type { Timer } from '../world/clock.ts'
import { uint16 } from '../world/random.ts'
import { HIDDEN_OWNER_SETTINGS, INTRODUCTION_POINTS } from './constants.ts'
import { HiddenCircuit, type HiddenWorld } from './hidden-circuit.ts'
import { HiddenPeer } from './hidden-peer.ts'
import { Inquiry, type IntroductionPoint } from './inquiry.ts'
import { lookupKey, nearestRelays } from './lookup.ts'
import type { RendezvousInfo } from './rendezvous-info.ts'
import { SeederQuestion } from './seeder-question.ts'
import type { HiddenSwarmOptions } from './swarm-options.ts'

/** A seeder that is being asked, being linked, or open. */
interface Seeder {
  /** The `relayKey` of who told of it first, undefined where no relay did, and of where that one said it is introduced. */
  readonly teller: string | undefined
  readonly firstPoint: string
  readonly question: SeederQuestion
  peer: HiddenPeer | undefined
  circuit: HiddenCircuit | undefined
}

/**
 * Finds the seeders of one swarm and links to them: asks the relays nearest to the swarm's place for introduction points, one of
 * these for an end-to-end circuit, and meets the seeder at the relay that it chose (IPV8-WIRE "Messages" 13 to 18).
 */
export class HiddenDownloader {
  private readonly options: HiddenSwarmOptions
  private readonly world: HiddenWorld
  private readonly lookupKey: Uint8Array
  /** By seeder key. */
  private readonly seeders = new Map<string, Seeder>()
  private readonly inquiries = new Set<Inquiry>()
  /** The `relayKey`s of relays that are being asked for introduction points. */
  private readonly asked = new Set<string>()
  /** Relays that did not answer, and until when they are passed over. */
  private readonly silent = new Map<string, number>()
  private timer: Timer | undefined
  /** When relays were asked last, and the time before that. */
  private lookedMs = Number.NEGATIVE_INFINITY
  private lookedBeforeMs = Number.NEGATIVE_INFINITY
  private stopped = false

  constructor(options: HiddenSwarmOptions) {
    this.options = options
    this.world = { ...options, settings: { ...HIDDEN_OWNER_SETTINGS, ...options.settings } }
    this.lookupKey = lookupKey(options.infoHash)
  }

  start(): void {
    this.lookUp()
  }

  /** Ends everything. Peers that were open close. */
  stop(): void {
    this.stopped = true
    this.timer?.cancel()
    for (const inquiry of [...this.inquiries]) inquiry.close()
    for (const { circuit } of [...this.seeders.values()]) circuit?.close()
  }

  get peers(): readonly HiddenPeer[] {
    return [...this.seeders.values()].flatMap(({ peer }) => peer ?? [])
  }

  /** Whether relays are being asked now. */
  get looking(): boolean {
    return this.inquiries.size > 0
  }

  /** Links to a seeder of whom somebody told; `through` is the last hop of the circuit that asks, the point itself if left out. */
  connect(point: IntroductionPoint, through?: PathHop): void {
    const last = through ?? { publicKey: point.publicKey, address: point.address, name: '' }
    this.inquire(last, (inquiry) => this.ask(inquiry, point, undefined))
  }

  private lookUp(): void {
    if (this.stopped) return
    const { settings } = this.world
    const { circuits, clock } = this.options
    if (this.seeders.size < settings.connections) {
      const speaks = (relay: PathHop) => !this.isSilent(relay) && !circuits.isResting(relay)
      const relays = circuits.relays()
      let near = nearestRelays(this.lookupKey, relays, INTRODUCTION_POINTS, speaks)
      let tries = 1
      // Where all have failed lately, they are asked again, but once.
      if (near.length === 0 && clock.now() - this.lookedMs >= settings.lookupEmptyMs) {
        near = nearestRelays(this.lookupKey, relays, INTRODUCTION_POINTS)
        tries = settings.buildTries
      }
      const idle = near.filter((relay) => !this.asked.has(relayKey(relay)))
      for (const relay of idle) this.askForPoints(relay, tries)
      if (idle.length > 0) {
        this.lookedBeforeMs = this.lookedMs
        this.lookedMs = clock.now()
      }
    }
    this.lookUpIn(this.peers.length > 0 ? settings.lookupMs : this.pauseWithoutPeers)
    this.options.changed?.()
  }

  private lookUpIn(pauseMs: number): void {
    this.timer?.cancel()
    this.timer = this.options.clock.after(Math.max(0, pauseMs), () => this.lookUp())
  }

  /**
   * A relay that does not answer is passed over for a while, and the next nearest asked in its place. One that was not reached, since
   * a hop before it failed, is asked through others first.
   * @returns whether it is asked now: there may be no way to it
   */
  private askForPoints(relay: PathHop, tries = 1): boolean {
    const teller = relayKey(relay)
    let answered = false
    const isAsked = this.inquire(
      relay,
      (inquiry) =>
        inquiry.peers(this.lookupKey, (points) => {
          answered = true
          for (const point of points) this.askToo(inquiry, point)
          for (const point of this.fewOf(points, teller)) this.ask(inquiry, point, teller)
        }),
      (lastHopFailed) => {
        this.asked.delete(teller)
        if (answered || this.stopped) return
        const { buildTries, silentMs, noRelayMs } = this.world.settings
        // What fails by three ways is the relay, whatever it looks like.
        const isInVain = lastHopFailed || tries >= buildTries
        if (isInVain) this.silent.set(teller, this.options.clock.now() + silentMs)
        const isOver = isInVain || !this.askForPoints(relay, tries + 1)
        if (isOver && this.peers.length === 0) this.lookUpIn(noRelayMs)
      },
    )
    if (isAsked) this.asked.add(teller)
    return isAsked
  }

  /** Of a seeder that has not answered yet, another relay told as well. */
  private askToo(inquiry: Inquiry, { seederKey, address }: IntroductionPoint): void {
    const seeder = this.seeders.get(toHex(seederKey.bytes))
    if (seeder && !seeder.circuit) inquiry.ask(seeder.question, address)
  }

  /**
   * As many as its share of the places has room for, and that of each relay where they are introduced: lest one relay fill all of them
   * with seeders that it made up, answer by answer, or by telling other relays.
   */
  private fewOf(points: readonly IntroductionPoint[], teller: string): readonly IntroductionPoint[] {
    const share = Math.ceil(this.world.settings.connections / INTRODUCTION_POINTS)
    const known = [...this.seeders.values()]
    const chosen: IntroductionPoint[] = []
    let left = share - known.filter((seeder) => seeder.teller === teller).length
    for (const point of points) {
      const key = relayKey(point)
      const there = known.filter((seeder) => seeder.firstPoint === key).length
      const here = chosen.filter((each) => relayKey(each) === key).length
      if (left <= 0 || there + here >= share || this.seeders.has(toHex(point.seederKey.bytes))) continue
      chosen.push(point)
      left--
    }
    return chosen
  }

  private isSilent(relay: PathHop): boolean {
    const key = relayKey(relay)
    const untilMs = this.silent.get(key)
    if (untilMs === undefined || untilMs > this.options.clock.now()) return untilMs !== undefined
    this.silent.delete(key)
    return false
  }

  private get pauseWithoutPeers(): number {
    const { noRelayMs, lookupEmptyMs } = this.world.settings
    return this.inquiries.size === 0 && this.seeders.size === 0 ? noRelayMs : lookupEmptyMs
  }

  private inquire(
    last: PathHop,
    ready: (inquiry: Inquiry) => void,
    closed?: (lastHopFailed: boolean) => void,
  ): boolean {
    if (this.stopped) return false
    const inquiry = Inquiry.open({ ...this.world, prefix: this.options.prefix }, last, {
      ready: () => ready(inquiry as Inquiry),
      closed: (lastHopFailed) => {
        if (inquiry) this.inquiries.delete(inquiry)
        closed?.(lastHopFailed)
        this.options.changed?.()
      },
    })
    if (inquiry) this.inquiries.add(inquiry)
    else this.options.counters.add('hidden-no-circuit')
    return inquiry !== undefined
  }

  private ask(inquiry: Inquiry, point: IntroductionPoint, teller: string | undefined): void {
    const { seederKey, address } = point
    const key = toHex(seederKey.bytes)
    if (this.stopped || this.seeders.has(key) || this.seeders.size >= this.world.settings.connections) return
    const about = { lookupKey: this.lookupKey, seederKey, identifier: this.freshIdentifier() }
    const { prefix, aead } = this.options
    const question = new SeederQuestion({ ...this.world, prefix, aead }, about, (answer) => {
      if (answer) this.meet(key, answer.keys, answer.info)
      else this.closed(key)
    })
    const firstPoint = relayKey(point)
    this.seeders.set(key, { teller, firstPoint, question, peer: undefined, circuit: undefined })
    inquiry.ask(question, address)
  }

  private freshIdentifier(): number {
    const taken = new Set([...this.seeders.values()].map(({ question }) => question.identifier))
    for (;;) {
      const identifier = uint16(this.options.random)
      if (!taken.has(identifier)) return identifier
    }
  }

  /** Goes to where the seeder waits. */
  private meet(key: string, keys: SessionKeys, info: RendezvousInfo, tries = 1): void {
    const entry = this.seeders.get(key)
    if (this.stopped || !entry) return
    // The packet's memory is the circuit's; the cookie outlives it.
    const cookie = info.cookie.slice()
    const last = { publicKey: PublicKey.parse(info.nodeKey), address: info.address, name: '' }
    entry.circuit = HiddenCircuit.build(this.world, last, {
      ready: () =>
        entry.circuit?.ask(MESSAGE.linkE2e, { cookie }, () => {
          if (!entry.circuit) return
          entry.circuit.addEndToEnd(keys, 'downloader')
          entry.peer = new HiddenPeer(entry.circuit, 'downloader')
          this.options.events.opened(entry.peer)
          this.options.changed?.()
        }),
      datagram: (_, data) => {
        if (entry.peer) this.options.events.datagram(entry.peer, data)
      },
      closed: () => {
        const again = !entry.peer && !this.stopped && tries < this.world.settings.buildTries
        if (again) this.meet(key, keys, { ...info, cookie }, tries + 1)
        else this.closed(key)
      },
    })
    if (!entry.circuit) this.closed(key)
  }

  private closed(key: string): void {
    const peer = this.seeders.get(key)?.peer
    this.seeders.delete(key)
    if (peer) {
      this.options.events.closed(peer)
      this.lookUpAfterLoss()
    }
    this.options.changed?.()
  }

  /**
   * Who was there may be found again, through another circuit. Others that are there will do until the next look-up; and while two
   * may follow each other, since any circuit may break, a third has its pause, or whoever opens and closes could have circuits
   * built without end.
   */
  private lookUpAfterLoss(): void {
    if (this.stopped || this.peers.length > 0) return
    const { lookupEmptyMs } = this.world.settings
    const dueMs = Math.min(this.lookedMs + lookupEmptyMs, this.lookedBeforeMs + 2 * lookupEmptyMs)
    this.lookUpIn(dueMs - this.options.clock.now())
  }
}
