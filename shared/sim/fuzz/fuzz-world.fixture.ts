import { type Address, formatAddress } from '../../bytes/address.ts'
import { concat } from '../../bytes/bytes.ts'
import type { Aead } from '../../crypto/aead.ts'
import { KeyPair } from '../../identity/keys.ts'
import { isControl } from '../../link/control.ts'
import { Circuit } from '../../onion/circuit.ts'
import { OwnedCircuits } from '../../onion/owned-circuits.ts'
import { Counters } from '../../world/counters.ts'
import { below, type Random, uint32 } from '../../world/random.ts'
import { SeededRandom } from '../seeded-random.ts'
import { VirtualClock } from '../virtual-clock.ts'
import {
  anyIpv4,
  createdMessage,
  INNER_IDS,
  innerMessage,
  PACKETS,
  TUNNEL,
  wholePacket,
} from './corpus.fixture.ts'
import { controlPacket, RawCaller, strangersHandshake } from './link-control.fixture.ts'
import { mutated } from './mutate.fixture.ts'
import { FuzzLink, FuzzNode, ip } from './node.fixture.ts'
import { RawOwner } from './raw-owner.fixture.ts'

const ATTACKERS = 8

interface Attacker {
  readonly link: FuzzLink
  readonly keyPair: KeyPair
  /** From him, for what he sends by himself. */
  readonly toNode: FuzzLink
  owner: RawOwner | undefined
  caller: RawCaller | undefined
}

const ECHO_AT: Address = { kind: 'ipv4', host: '203.0.113.80', port: 80 }

export interface FuzzResult {
  readonly packets: number
  readonly escaped: readonly string[]
  /** Datagrams of the honest circuit that were sent, and that came back. */
  readonly honestSent: number
  readonly honestBack: number
  /** How often the honest circuit ended. */
  readonly honestLost: number
  readonly counters: Record<string, number>
}

/**
 * A relay between an honest circuit and attackers who send it mutated packets: raw, signed anew after the change, sealed
 * anew in circuits of their own, and, as a bad last hop, back to an owner of ours. Time goes on a millisecond a packet.
 */
export class FuzzWorld {
  readonly clock = new VirtualClock()
  readonly counters = new Counters()
  readonly random: Random
  readonly aead: Aead
  private readonly node: FuzzNode
  private readonly exit: FuzzNode
  private readonly attackers: Attacker[] = []
  private readonly owned: OwnedCircuits
  private readonly ownerToNode = new FuzzLink(ip('198.51.100.1'))
  private readonly nodeToOwner = new FuzzLink(ip('192.0.2.9'))
  private honest: Circuit | undefined
  private victim: Circuit | undefined
  private readonly escaped = new Set<string>()
  private packets = 0
  private honestSent = 0
  private honestBack = 0
  private honestLost = 0

  constructor(seed: number, aead: Aead) {
    this.random = new SeededRandom(seed)
    this.aead = aead
    this.owned = new OwnedCircuits(TUNNEL, this.counters)
    const toExit = new FuzzLink(ip('198.51.101.2'))
    const toNode = new FuzzLink(ip('198.51.100.1'))
    const stray = new FuzzLink(ip('192.0.2.200'))
    this.node = new FuzzNode(this, (address) =>
      formatAddress(address) === formatAddress(toExit.address) ? toExit : stray,
    )
    this.exit = new FuzzNode(this, () => undefined)
    toExit.deliver = (packet) => this.exit.receive(toNode, packet)
    toNode.deliver = (packet) => this.node.receive(toExit, packet)
    this.ownerToNode.deliver = (packet) => this.node.receive(this.nodeToOwner, packet)
    this.nodeToOwner.deliver = (packet) => this.owned.receive(this.ownerToNode, packet)
    for (let i = 0; i < ATTACKERS; i++) {
      const attacker = {
        link: new FuzzLink(ip(`100.${64 + i}.1.1`)),
        keyPair: KeyPair.generate(this.random),
        owner: undefined,
        caller: undefined,
        toNode: new FuzzLink(ip('198.51.100.1')),
      } as Attacker
      attacker.toNode.deliver = (packet) => this.give(attacker.link, packet)
      attacker.link.deliver = (packet) => {
        if (isControl(packet)) attacker.caller?.receive(packet)
        else attacker.owner?.receive(packet)
      }
      this.attackers.push(attacker)
    }
  }

  /** Sends `count` mutated packets, with a datagram through the honest circuit after every 20th. */
  run(count: number): FuzzResult {
    for (let i = 0; i < count; i++) {
      this.attack()
      this.packets++
      this.clock.advance(this.packets % 1_000 === 0 ? 500 : 1)
      if (this.packets % 20 === 0) this.useHonest()
    }
    this.clock.advance(100)
    const { packets, honestSent, honestBack, honestLost } = this
    const escaped = [...this.escaped]
    return { packets, escaped, honestSent, honestBack, honestLost, counters: this.counters.snapshot() }
  }

  /** Of tables that strangers fill: none may grow with the number of packets. */
  sizes(): Record<string, number> {
    return {
      peers: this.node.walker.peers().length,
      walkable: this.node.walker.walkable().length,
      legs: this.node.router.table.legs,
      links: this.node.router.table.linkCount,
      descriptors: this.node.directory.size,
      neighbours: this.node.neighbourCount,
      dhtNodes: this.node.dht.node?.stats.nodes ?? 0,
      dhtValues: this.node.dht.node?.stats.values ?? 0,
      dhtOpen: this.node.dht.node?.stats.open ?? 0,
    }
  }

  private attack(): void {
    const { random } = this
    const attacker = this.attackers[below(random, ATTACKERS)]
    if (!attacker) return
    const kind = below(random, 12)
    if (kind < 3) this.give(attacker.link, this.loosePacket(attacker.keyPair))
    else if (kind < 5) this.give(attacker.link, this.whole(attacker.keyPair))
    else if (kind < 8) this.innerCell(attacker)
    else if (kind < 9) this.forgedHonestCell()
    else if (kind < 11) this.linkControl(attacker)
    else this.badHop()
  }

  /** Introductions and their like: changed before the signature is made, or after it. */
  private loosePacket(keyPair: KeyPair): Uint8Array {
    const { random } = this
    const make = PACKETS[below(random, PACKETS.length)]
    const sample = make?.(random, keyPair)
    if (!sample) return new Uint8Array()
    const inside = below(random, 2) === 0
    const body = inside ? mutated(random, sample.body) : sample.body
    const head = concat(sample.prefix, Uint8Array.of(sample.id))
    const key = sample.signed ? concat(Uint8Array.of(0, 74), keyPair.publicKey.bytes) : new Uint8Array()
    const unsigned = concat(head, key, body)
    const packet = sample.signed ? concat(unsigned, keyPair.sign(unsigned)) : unsigned
    return inside ? packet : mutated(random, packet)
  }

  private whole(keyPair: KeyPair): Uint8Array {
    const { random } = this
    const ids = [uint32(random), this.honest?.id ?? 0, below(random, 4)]
    return mutated(random, wholePacket(random, keyPair, ids[below(random, ids.length)] ?? 0))
  }

  /** A cell that opens, with a message that was changed. */
  private innerCell(attacker: Attacker): void {
    const { random } = this
    if (!attacker.owner?.ready || below(random, 400) === 0) {
      const { publicKey } = this.node.keyPair
      attacker.owner = new RawOwner(random, this.aead, attacker.keyPair, publicKey, uint32(random))
      this.give(attacker.link, attacker.owner.create())
      return
    }
    const id = INNER_IDS[below(random, INNER_IDS.length)] ?? 0
    const message = mutated(random, innerMessage(random, attacker.keyPair, id)).slice(0, 1_400)
    this.give(attacker.link, attacker.owner.cell(message, below(random, 2) === 0))
  }

  /** What is said about links: by strangers, and, under his seal, by one who has proved his key. */
  private linkControl(attacker: Attacker): void {
    const { random, clock, counters } = this
    const { link, keyPair, toNode } = attacker
    const relay = this.node.keyPair.publicKey
    const kind = below(random, 40)
    if (attacker.caller === undefined || kind === 0) {
      attacker.caller?.end()
      attacker.caller = new RawCaller({ keyPair, random, clock, counters, way: toNode, relay })
      attacker.caller.start()
    } else if (kind < 8) this.give(link, mutated(random, strangersHandshake(random, keyPair)))
    else if (kind < 14) this.give(link, mutated(random, controlPacket(random, relay.mid)))
    else if (kind < 20) {
      this.give(link, mutated(random, attacker.caller.sealed(controlPacket(random, relay.mid))))
    } else if (kind < 21)
      this.give(
        link,
        attacker.caller.closing((content) => mutated(random, content)),
      )
    else this.give(link, attacker.caller.sealed(mutated(random, controlPacket(random, relay.mid))))
  }

  /** On the honest owner's own link, as from who can write a false source: cells and destroys of its circuit. */
  private forgedHonestCell(): void {
    const { random } = this
    const id = this.honest?.id ?? 0
    const kind = below(random, 3)
    const keyPair = this.attackers[0]?.keyPair as KeyPair
    if (kind === 0) {
      this.give(this.nodeToOwner, mutated(random, wholePacket(random, keyPair, id)))
    } else {
      const cell = concat(
        TUNNEL,
        new Uint8Array([0, id >>> 24, id >>> 16, id >>> 8, id, 0, 0]),
        random.bytes(80),
      )
      if (kind === 1) this.give(this.nodeToOwner, mutated(random, cell))
      else this.guarded(() => this.owned.receive(this.ownerToNode, mutated(random, cell)))
    }
  }

  /** A last hop that seals whatever it likes for its owner; and answers to a circuit that is being built. */
  private badHop(): void {
    const { random } = this
    if (this.victim === undefined || this.victim.state === 'closed') {
      this.victim = this.circuit([this.node], () => undefined)
      return
    }
    const { id } = this.victim
    const keyPair = this.attackers[1]?.keyPair as KeyPair
    const leg = this.node.router.table.find(this.nodeToOwner, id)
    if (leg === undefined || below(random, 8) === 0) {
      const message = mutated(random, createdMessage(random))
      const cell = concat(TUNNEL, new Uint8Array([0, id >>> 24, id >>> 16, id >>> 8, id, 1, 0]), message)
      this.guarded(() => this.owned.receive(this.ownerToNode, cell))
      return
    }
    const message = mutated(
      random,
      innerMessage(random, keyPair, INNER_IDS[below(random, INNER_IDS.length)] ?? 0),
    )
    this.guarded(() => leg.circuit.reply(message.slice(0, 1_400)))
  }

  private give(link: FuzzLink, packet: Uint8Array): void {
    this.guarded(() => this.node.receive(link, packet))
  }

  private guarded(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.escaped.add(
        error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error),
      )
    }
  }

  private useHonest(): void {
    if (this.honest?.state === 'closed') {
      this.honestLost++
      this.honest = undefined
    }
    this.honest ??= this.circuit([this.node, this.exit], () => this.honestBack++)
    if (this.honest.state !== 'ready') return
    this.honestSent++
    this.honest.sendDatagram(ECHO_AT, this.random.bytes(600))
  }

  private circuit(path: readonly FuzzNode[], back: () => void): Circuit {
    const { clock, random, aead, counters } = this
    const addresses = [this.ownerToNode.address, ip('198.51.101.2')]
    const circuit = new Circuit({
      keyPair: KeyPair.generate(random),
      path: path.map((node, i) => ({
        publicKey: node.keyPair.publicKey,
        address: addresses[i] ?? anyIpv4(random),
        name: '',
      })),
      link: this.ownerToNode,
      prefix: TUNNEL,
      clock,
      random,
      aead,
      counters,
      events: {
        changed: () => undefined,
        ready: () => undefined,
        datagram: back,
        stream: () => undefined,
        streamReset: () => undefined,
        closed: (closed) => this.owned.remove(closed),
      },
    })
    this.owned.add(circuit)
    circuit.start()
    return circuit
  }
}
