import type { Address } from '../bytes/address.ts'
import { equalBytes, toHex } from '../bytes/bytes.ts'
import { CulvertError } from '../bytes/error.ts'
import { beforenm } from '../crypto/handshake.ts'
import { KeyPair, type PublicKey } from '../identity/keys.ts'
import { TokenBucket } from '../ipv8/token-bucket.ts'
import { MESSAGE } from '../onion/constants.ts'
import type { PathHop } from '../onion/hop.ts'
import type { MessageBody } from '../onion/messages.ts'
import { HIDDEN_OWNER_SETTINGS, RENDEZVOUS_POINTS } from './constants.ts'
import { HiddenCircuit, type HiddenWorld } from './hidden-circuit.ts'
import { HiddenPeer } from './hidden-peer.ts'
import { IntroductionCircuits } from './introduction-circuits.ts'
import { lookupKey } from './lookup.ts'
import { decodePacket, packetId } from './packets.ts'
import { answerCreate } from './rendezvous-link.ts'
import type { HiddenSwarmOptions } from './swarm-options.ts'

type Request = MessageBody<typeof MESSAGE.createE2e>
type Reply = (destination: Address, data: Uint8Array) => void

const COOKIE_BYTES = 20

/** A downloader that asked for an end-to-end circuit; who asks again gets the same answer again. */
interface Visit {
  answer: Uint8Array | undefined
  circuit: HiddenCircuit | undefined
}

/**
 * Seeds one swarm from nowhere: relays introduce it, and for each downloader that comes through one of them it waits at a
 * relay of its own choice, under a key pair that exists for this swarm alone (IPV8-WIRE "Messages" 9 to 16).
 */
export class HiddenSeeder {
  private readonly options: HiddenSwarmOptions
  private readonly world: HiddenWorld
  private readonly keyPair: KeyPair
  private readonly lookupKey: Uint8Array
  private readonly introductions: IntroductionCircuits
  private readonly rendezvous: TokenBucket
  /** By the downloader's X25519 key. */
  private readonly visits = new Map<string, Visit>()
  private readonly open = new Set<HiddenPeer>()
  private stopped = false

  constructor(options: HiddenSwarmOptions) {
    const { clock, random } = options
    this.options = options
    this.world = { ...options, settings: { ...HIDDEN_OWNER_SETTINGS, ...options.settings } }
    this.keyPair = KeyPair.generate(random)
    this.lookupKey = lookupKey(options.infoHash)
    const { rendezvousPerSecond, rendezvousBurst } = this.world.settings
    this.rendezvous = new TokenBucket(clock, rendezvousPerSecond, rendezvousBurst)
    this.introductions = new IntroductionCircuits({
      ...this.world,
      lookupKey: this.lookupKey,
      seederKey: this.keyPair.publicKey.bytes,
      datagram: (origin, data, reply) => this.receive(origin, data, reply),
      changed: () => options.changed?.(),
    })
  }

  start(): void {
    this.introductions.start()
  }

  /** Ends everything. Peers that were open close. */
  stop(): void {
    this.stopped = true
    this.introductions.stop()
    for (const { circuit } of [...this.visits.values()]) circuit?.close()
  }

  /** The swarm's own key of this seeder: what introduction points know it by. */
  get publicKey(): PublicKey {
    return this.keyPair.publicKey
  }

  /** Relays that introduce us now. */
  get introductionPoints(): number {
    return this.introductions.established
  }

  get peers(): readonly HiddenPeer[] {
    return [...this.open]
  }

  private receive(origin: Address, data: Uint8Array, reply: Reply): void {
    try {
      const { prefix } = this.options
      const id = packetId(prefix, data)
      if (id === MESSAGE.createE2e) this.asked(origin, decodePacket(prefix, id, data), reply)
      else this.count('hidden-packet-unexpected')
    } catch (error) {
      this.count(error instanceof CulvertError ? error.code : 'hidden-fault')
    }
  }

  private asked(origin: Address, request: Request, reply: Reply): void {
    const ours =
      equalBytes(request.infoHash, this.lookupKey) &&
      equalBytes(request.seederKey, this.keyPair.publicKey.bytes)
    if (!ours || this.stopped) {
      this.count('hidden-request-foreign')
      return
    }
    const key = toHex(request.dhKey)
    const known = this.visits.get(key)
    if (known) {
      if (known.answer) reply(origin, known.answer)
      return
    }
    if (this.visits.size >= this.world.settings.connections || !this.rendezvous.take()) {
      this.count('hidden-request-limited')
      return
    }
    // Throws at a point of low order: no circuit is built for what cannot be answered.
    beforenm(request.dhKey, this.keyPair.x25519Secret)
    // The packet's memory is the circuit's; the request outlives it.
    this.receiveAt(key, { ...request, dhKey: request.dhKey.slice() }, (answer) => reply(origin, answer))
  }

  /** Waits for the downloader at a relay chosen by chance; at another if there is no way there, or it cannot be built. */
  private receiveAt(key: string, request: Request, reply: (answer: Uint8Array) => void, tries = 1): void {
    const visit: Visit = { answer: undefined, circuit: undefined }
    let peer: HiddenPeer | undefined
    const { random, circuits, events } = this.options
    const cookie = random.bytes(COOKIE_BYTES)
    const tried: PathHop[] = []
    while (tried.length < RENDEZVOUS_POINTS) {
      const relay = circuits.rendezvousPoint(tried)
      if (!relay) break
      tried.push(relay)
      visit.circuit = HiddenCircuit.build(this.world, relay, {
        ready: () =>
          visit.circuit?.ask(MESSAGE.establishRendezvous, { cookie }, () => {
            const info = { address: relay.address, nodeKey: relay.publicKey.bytes, cookie }
            this.answer(visit, request, info, reply)
          }),
        datagram: (_, data) => {
          if (peer) events.datagram(peer, data)
        },
        linked: () => {
          if (visit.circuit) peer = this.opened(visit.circuit)
        },
        closed: () => {
          this.closed(key, peer)
          const again = !visit.answer && !this.stopped && tries < this.world.settings.buildTries
          if (again) this.receiveAt(key, request, reply, tries + 1)
        },
      })
      if (visit.circuit) {
        this.visits.set(key, visit)
        return
      }
    }
    this.count('hidden-no-rendezvous')
  }

  private answer(
    visit: Visit,
    request: Request,
    info: { address: HiddenPeer['address']; nodeKey: Uint8Array; cookie: Uint8Array },
    reply: (answer: Uint8Array) => void,
  ): void {
    const { circuit } = visit
    if (!circuit) return
    const { keys, packet } = answerCreate(this.options, this.keyPair, request, info)
    circuit.addEndToEnd(keys, 'seeder')
    circuit.expectLink()
    visit.answer = packet
    reply(packet)
  }

  private opened(circuit: HiddenCircuit): HiddenPeer {
    const peer = new HiddenPeer(circuit, 'seeder')
    this.open.add(peer)
    this.options.events.opened(peer)
    this.options.changed?.()
    return peer
  }

  private closed(key: string, peer: HiddenPeer | undefined): void {
    this.visits.delete(key)
    if (!peer) return
    this.open.delete(peer)
    this.options.events.closed(peer)
    this.options.changed?.()
  }

  private count(name: string): void {
    this.options.counters.add(name)
  }
}
