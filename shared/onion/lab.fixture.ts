import { keyPairOf } from '../../fixtures/vectors.ts'
import type { IpAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { nobleAead } from '../crypto/noble-aead.ts'
import { KeyPair } from '../identity/keys.ts'
import { FLAG_EXIT_BITTORRENT, FLAG_RELAY, FLAG_SPEED_TEST } from '../ipv8/constants.ts'
import type { Link } from '../link/link.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import type { Candidates } from './candidates.ts'
import { plaintextCell } from './cells.ts'
import { Circuit } from './circuit.ts'
import type { CircuitOptions } from './circuit-options.ts'
import { MESSAGE, type RouterLimits } from './constants.ts'
import type { PathHop } from './hop.ts'
import { encodeMessage } from './messages.ts'
import { PREFIX, TestExit, TestNet } from './onion.fixture.ts'
import { OwnedCircuits } from './owned-circuits.ts'
import { Router, type RouterOptions } from './router.ts'

export interface LabRelay extends PathHop {
  readonly router: Router
  readonly counters: Counters
  readonly exit: TestExit
  readonly keyPair: KeyPair
}

export interface LabCircuitOptions extends Partial<CircuitOptions> {
  /** Told the clock's time. */
  readonly onSuspected?: (at: number) => void
}

export interface LabCircuit {
  readonly circuit: Circuit
  /** What happened, as text. */
  readonly events: string[]
}

const HOME: IpAddress = { kind: 'ipv4', host: '192.0.2.1', port: 1000 }

/** Relays and one owner on a virtual clock; 10 ms a link. */
export class Lab {
  readonly clock = new VirtualClock()
  readonly net = new TestNet(this.clock)
  readonly counters = new Counters()
  readonly owned = new OwnedCircuits(PREFIX, this.counters)
  readonly random = new SeededRandom(42)
  private relays = 0

  constructor() {
    this.net.add({ address: HOME, receive: (link, packet) => this.owned.receive(link, packet) })
  }

  relay(
    options: {
      limits?: Partial<RouterLimits>
      mayExtendTo?: (address: IpAddress) => boolean
      exits?: boolean
      candidates?: Candidates
      more?: Partial<RouterOptions>
    } = {},
  ): LabRelay {
    const n = ++this.relays
    const address: IpAddress = { kind: 'ipv4', host: `198.51.${n}.7`, port: 7000 + n }
    const keyPair = KeyPair.generate(this.random)
    const exit = new TestExit()
    const counters = new Counters()
    const exits = options.exits ?? true
    const router = new Router({
      keyPair,
      prefix: PREFIX,
      clock: this.clock,
      random: this.random,
      aead: nobleAead,
      counters,
      flags: FLAG_RELAY | FLAG_SPEED_TEST | (exits ? FLAG_EXIT_BITTORRENT : 0),
      linkTo: (to) => this.net.link(address, to),
      mayExtendTo: options.mayExtendTo ?? (() => true),
      exit: exits ? exit : undefined,
      candidates: () => options.candidates ?? { relays: [], exits: [] },
      limits: options.limits ?? {},
      ...options.more,
    })
    this.net.add({ address, receive: (link, packet) => router.receive(link, packet) })
    const hop = { publicKey: keyPair.publicKey, address, name: `relay ${n}`, culvert: true }
    return { ...hop, router, counters, exit, keyPair }
  }

  /** The owner's link to a relay, and the relay's link back. */
  linkTo(relay: LabRelay): Link {
    return this.net.link(HOME, relay.address)
  }

  linkBack(relay: LabRelay): Link {
    return this.net.link(relay.address, HOME)
  }

  circuit(path: readonly LabRelay[], more: LabCircuitOptions = {}): LabCircuit {
    const events: string[] = []
    const circuit = new Circuit({
      keyPair: KeyPair.generate(this.random),
      path,
      link: path[0] === undefined ? this.net.link(HOME, HOME) : this.linkTo(path[0]),
      prefix: PREFIX,
      clock: this.clock,
      random: this.random,
      aead: nobleAead,
      counters: this.counters,
      events: {
        changed: () => {},
        ready: () => events.push('ready'),
        datagram: (_, origin, data) => events.push(`datagram ${origin.host} ${toHex(data)}`),
        stream: (_, destination, packet) => events.push(`stream ${destination.host} ${toHex(packet)}`),
        streamReset: (_, destination, id, reason) => events.push(`reset ${destination.host} ${id} ${reason}`),
        closed: (closed, reason) => {
          this.owned.remove(closed)
          events.push(`closed ${reason}`)
        },
        suspected: () => more.onSuspected?.(this.clock.now()),
        linked: () => events.push('linked'),
        message: (_, id, cell, at, end) => events.push(`message ${id} ${toHex(cell.subarray(at, end))}`),
        httpResponse: (_, identifier, response) =>
          events.push(`http ${identifier} ${response === undefined ? 'none' : response.length}`),
        tested: (_, identifier, data) => events.push(`tested ${identifier} ${data.length}`),
      },
      ...more,
    })
    this.owned.add(circuit)
    circuit.start()
    return { circuit, events }
  }

  /** A circuit that has become ready. */
  ready(path: readonly LabRelay[], more: LabCircuitOptions = {}): LabCircuit {
    const made = this.circuit(path, more)
    this.clock.advance(500)
    if (made.circuit.state !== 'ready') throw new RangeError(`the circuit is ${made.circuit.state}`)
    return made
  }
}

/** A create of a stranger, as it comes over a link. */
export function createCell(random: SeededRandom, id: number): Uint8Array {
  const nodeKey = keyPairOf('alice').publicKey.bytes
  const dhKey = Uint8Array.of(9, ...random.bytes(31))
  return plaintextCell(
    PREFIX,
    id,
    true,
    encodeMessage(MESSAGE.create, { identifier: id & 0xffff, nodeKey, dhKey }),
  )
}
