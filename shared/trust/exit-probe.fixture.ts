import { formatAddress, type IpAddress, sameAddress } from '../bytes/address.ts'
import { decodeDictionary, encodeBencode } from '../bytes/bencode.ts'
import { toHex } from '../bytes/bytes.ts'
import { KeyPair } from '../identity/keys.ts'
import { FLAG_EXIT_BITTORRENT, FLAG_RELAY, FLAG_SPEED_TEST } from '../ipv8/constants.ts'
import type { Link } from '../link/link.ts'
import type { ExitCircuit, ExitPort } from '../onion/exit-port.ts'
import { PREFIX, TestNet } from '../onion/onion.fixture.ts'
import { Router } from '../onion/router.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { toyAead } from '../sim/toy-crypto.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import type { StreamOpener } from '../stream/byte-stream.ts'
import { StreamServer } from '../stream/stream-server.ts'
import { Counters } from '../world/counters.ts'
import { ExitProbes } from './exit-probe.ts'
import { OwnProbeCircuits } from './exit-probe-circuits.ts'
import type { ExitProbeSettings } from './exit-probe-constants.ts'
import type { ProbeRelay, ProbeReports } from './exit-probe-ports.ts'
import { TrustBook } from './trust-book.ts'
import { MISBEHAVIOURS, type Misbehaviour, type ReasonCode, type Verdict } from './verdict.ts'

/** How a relay lies. */
export interface Lies {
  /** Traffic leaves from this host, not from the one that its descriptor claims. */
  readonly leavesFrom?: string
  /** Chance that a datagram that goes out, or that comes back, has a byte changed. */
  readonly altersOut?: number
  readonly altersBack?: number
  /** Chance that it drops a datagram that goes out, or one that comes back. */
  readonly dropsOut?: number
  readonly dropsBack?: number
  /** Chance that it drops a cell of a circuit that has become one: as each hop can. */
  readonly dropsCells?: number
  /** Chance that it changes a piece of what a stream brings back. */
  readonly altersStreams?: number
  /** Chance that it drops a datagram to anybody but relays. */
  readonly dropsStrangers?: number
  /** It opens no stream, though it says that it does. */
  readonly refusesStreams?: boolean
  /** Cells of one circuit after which it carries none any more: enough for what only looks whether it answers. */
  readonly killsAfter?: number
  /** What it promises, and what it carries of it, bytes per second. */
  readonly promises?: number
  readonly carries?: number
  /** It answers nobody. */
  readonly off?: boolean
  /** It has no way to the relay of that name, whom others reach. */
  readonly cannotReach?: string
}

export interface ProbedRelay extends ProbeRelay {
  readonly lies: Lies
  readonly keyPair: KeyPair
}

const OWN_SOCKET: IpAddress = { kind: 'ipv4', host: '192.0.2.1', port: 1000 }
const ECHO: IpAddress = { kind: 'ipv4', host: '192.0.2.1', port: 7000 }
/** Nodes of the DHT: three in four answer. */
const STRANGERS = Array.from(
  { length: 40 },
  (_, i): IpAddress => ({ kind: 'ipv4', host: `203.0.113.${i + 1}`, port: 6881 }),
)
const isAwake = (stranger: IpAddress) => Number(stranger.host.split('.')[3]) % 4 !== 0
/** Cells that a circuit takes to be built, more or less. */
const BUILT_CELLS = 12
const PROMISE = 2_000_000

/** Relays, honest and others, one of us who probes them, and what is found; 20 ms a link, which loses a share of what it carries. */
export class ProbeWorld implements ProbeReports {
  readonly clock = new VirtualClock()
  readonly net = new TestNet(this.clock)
  readonly random: SeededRandom
  readonly counters = new Counters()
  readonly relays: ProbedRelay[] = []
  readonly probes: ExitProbes
  readonly book = new TrustBook({ clock: this.clock })
  /** `name kind`, in the order in which it was told. */
  readonly caught: string[] = []
  readonly circuitsOf = new Map<string, { ok: number; failed: number }>()
  /** Whether the echo can be reached from outside. */
  echoOpen = true
  private readonly loss: number
  private readonly exits = new Map<string, (from: IpAddress, data: Uint8Array) => void>()
  private ports = 20_000

  constructor(seed: number, loss: number, settings: Partial<ExitProbeSettings> = {}) {
    const { clock, counters } = this
    this.random = new SeededRandom(seed)
    this.loss = loss
    this.net.delayMs = 20
    this.net.tamper = (_from, _to, packet) => (this.isLost() ? undefined : packet)
    const world = { clock, random: this.random, counters }
    const circuits = new OwnProbeCircuits({
      ...world,
      aead: toyAead,
      prefix: PREFIX,
      linkTo: (address) => this.net.link(OWN_SOCKET, address),
    })
    this.net.add({ address: OWN_SOCKET, receive: (link, packet) => circuits.receive(link, packet) })
    this.probes = new ExitProbes({
      ...world,
      circuits,
      reports: this,
      relays: () => this.relays,
      mayShare: (a, b) => a !== b,
      isTrusted: () => false,
      ask: (relay, done) => done((relay as ProbedRelay).lies.off !== true),
      echoes: () => [ECHO],
      streamEchoes: () => [ECHO],
      strangers: () => STRANGERS,
      send: (to, datagram) => this.overInternet(() => this.exits.get(formatAddress(to))?.(ECHO, datagram)),
      settings,
    })
  }

  add(name: string, lies: Lies = {}, exit = true): ProbedRelay {
    const address: IpAddress = { kind: 'ipv4', host: `198.51.${this.relays.length}.7`, port: 7000 }
    const keyPair = KeyPair.generate(this.random)
    const relay: ProbedRelay = {
      publicKey: keyPair.publicKey,
      keyPair,
      name,
      address,
      claimed: [address],
      exit,
      stream: exit,
      bytesPerSecond: lies.promises ?? PROMISE,
      lies,
    }
    const flags = FLAG_RELAY | FLAG_SPEED_TEST | (exit ? FLAG_EXIT_BITTORRENT : 0)
    const router = new Router({
      clock: this.clock,
      random: this.random,
      counters: new Counters(),
      keyPair,
      prefix: PREFIX,
      aead: toyAead,
      flags,
      linkTo: (to) => this.net.link(address, to),
      mayExtendTo: (to) =>
        this.relays.every((each) => each.name !== lies.cannotReach || !sameAddress(each.address, to)),
      exit: exit ? this.exit(relay) : undefined,
      candidates: () => ({ relays: [], exits: [] }),
    })
    const passes = this.filter(lies)
    this.net.add({
      address,
      receive: (link, packet) => {
        if (passes(link, packet)) router.receive(link, packet)
      },
    })
    this.relays.push(relay)
    return relay
  }

  recordCircuit(mid: Uint8Array, ok: boolean): void {
    const name = this.nameOf(mid)
    const known = this.circuitsOf.get(name) ?? { ok: 0, failed: 0 }
    known[ok ? 'ok' : 'failed']++
    this.circuitsOf.set(name, known)
    this.book.recordCircuit(mid, ok)
  }

  readonly bandwidths: { name: string; promised: number; measured: number }[] = []
  recordBandwidth(mid: Uint8Array, promised: number, measured: number): void {
    this.bandwidths.push({ name: this.nameOf(mid), promised, measured })
    this.book.recordBandwidth(mid, promised, measured)
  }

  recordMisbehaviour(mid: Uint8Array, kind: Misbehaviour): void {
    this.caught.push(`${this.nameOf(mid)} ${kind}`)
    this.book.recordMisbehaviour(mid, kind)
  }

  /** Probes of a relay that told something about it. */
  probesOf(name: string): number {
    const { ok, failed } = this.circuitsOf.get(name) ?? { ok: 0, failed: 0 }
    return ok + failed
  }

  /** Lets time pass until the book holds something against a relay, and says what. @returns whether it came to that */
  untilNamed(name: string, reason: ReasonCode, limitHours: number): boolean {
    let version = -1
    const isNamed = () => {
      if (version === this.book.version) return false
      version = this.book.version
      return this.suspects().includes(`${name} ${reason}`)
    }
    this.probes.start()
    return this.clock.runUntil(isNamed, limitHours * 3_600_000)
  }

  /** `name reason` of all that are suspect or blocked, for what they were caught at. */
  suspects(): string[] {
    return this.relays.flatMap(({ name, publicKey }) => {
      const { standing, reasons }: Verdict = this.book.verdict(publicKey.mid)
      if (standing !== 'suspect' && standing !== 'blocked') return []
      const named = reasons.filter((reason) => (MISBEHAVIOURS as readonly string[]).includes(reason))
      return (named.length > 0 ? named : ['for nothing']).map((reason) => `${name} ${reason}`)
    })
  }

  hours(count: number): void {
    this.probes.start()
    this.clock.advance(count * 3_600_000)
  }

  private nameOf(mid: Uint8Array): string {
    return this.relays.find(({ publicKey }) => toHex(publicKey.mid) === toHex(mid))?.name ?? 'nobody'
  }

  private isLost(): boolean {
    return this.happens(this.loss)
  }

  private happens(chance = 0): boolean {
    return chance > 0 && this.random.fraction() < chance
  }

  private overInternet(arrive: () => void): void {
    if (!this.isLost()) this.clock.after(this.net.delayMs, arrive)
  }

  /** Whether a packet is taken in, by how the relay treats circuits. */
  private filter({ off, dropsCells, killsAfter }: Lies): (link: Link, packet: Uint8Array) => boolean {
    const cells = new Map<string, number>()
    return (link, packet) => {
      if (off) return false
      if (dropsCells === undefined && killsAfter === undefined) return true
      // Of one circuit: the id is in the header of every cell, in the clear.
      const circuit = `${formatAddress(link.address)} ${toHex(packet.subarray(23, 27))}`
      const count = (cells.get(circuit) ?? 0) + 1
      cells.set(circuit, count)
      if (killsAfter !== undefined && count > killsAfter) return false
      return count <= BUILT_CELLS || !this.happens(dropsCells)
    }
  }

  /** An exit with a socket for each circuit, that gives out and takes in as its relay pleases. */
  private exit(relay: ProbedRelay): ExitPort {
    const { address, lies } = relay
    const sockets = new Map<ExitCircuit, IpAddress>()
    let freeAtMs = 0
    const open = (circuit: ExitCircuit) => {
      const known = sockets.get(circuit)
      if (known) return known
      const socket: IpAddress = { kind: 'ipv4', host: lies.leavesFrom ?? address.host, port: ++this.ports }
      sockets.set(circuit, socket)
      this.exits.set(formatAddress(socket), (from, data) => {
        if (this.happens(lies.dropsBack)) return
        const { carries = Number.POSITIVE_INFINITY } = lies
        freeAtMs = Math.max(freeAtMs, this.clock.now()) + (1_000 * data.length) / carries
        this.clock.after(freeAtMs - this.clock.now(), () =>
          circuit.sendDatagram(from, this.altered(data, lies.altersBack)),
        )
      })
      return socket
    }
    const { clock, random } = this
    const streams = new StreamServer({ clock, random, counters: new Counters(), opener: this.opener(relay) })
    return {
      datagram: (circuit, destination, data) => {
        const socket = open(circuit)
        if (this.happens(lies.dropsOut)) return
        const stranger = STRANGERS.find(({ host }) => host === destination.host)
        if (stranger) {
          if (this.happens(lies.dropsStrangers) || !isAwake(stranger)) return
          const transaction = decodeDictionary(data).string('t')
          const answer = encodeBencode({ t: transaction, y: 'r', r: { id: new Uint8Array(20) } })
          this.overInternet(() => this.overInternet(() => circuit.sendDatagram(stranger, answer)))
          return
        }
        const sent = this.altered(data, lies.altersOut)
        this.overInternet(() => {
          if (this.echoOpen) this.probes.receive(socket, sent)
        })
      },
      stream: (circuit, destination, packet) => streams.packet(circuit, destination, packet),
      ended: (circuit) => {
        streams.ended(circuit)
        const socket = sockets.get(circuit)
        if (socket) this.exits.delete(formatAddress(socket))
        sockets.delete(circuit)
      },
    }
  }

  /** TCP to our listener, as the relay pleases. */
  private opener({ address, lies }: ProbedRelay): StreamOpener {
    return (_destination, events) => {
      const from: IpAddress = { ...address, host: lies.leavesFrom ?? address.host, port: ++this.ports }
      const take = this.probes.accept(from, {
        send: (bytes) =>
          this.clock.after(this.net.delayMs, () => events.data(this.altered(bytes, lies.altersStreams))),
        close: () => this.clock.after(this.net.delayMs, () => events.closed('connection-reset')),
      })
      this.clock.after(2 * this.net.delayMs, () => {
        if (lies.refusesStreams || !this.echoOpen) events.closed('connection-refused')
        else events.opened()
      })
      return {
        write: (chunk) => {
          const copy = chunk.slice()
          this.clock.after(this.net.delayMs, () => take(copy))
          return true
        },
        end: () => undefined,
        destroy: () => this.clock.after(0, () => events.closed(undefined)),
        pause: () => undefined,
        resume: () => undefined,
      }
    }
  }

  private altered(data: Uint8Array, chance: number | undefined): Uint8Array {
    if (!this.happens(chance)) return data.slice()
    const copy = data.slice()
    copy[copy.length >> 1] = (copy[copy.length >> 1] as number) ^ 1
    return copy
  }
}
