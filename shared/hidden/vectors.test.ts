import { describe, expect, it } from 'vitest'
import { keyPairOf, vectorFile } from '../../fixtures/vectors.ts'
import { addressOf, type IpAddress } from '../bytes/address.ts'
import { concat, fromHex, toHex } from '../bytes/bytes.ts'
import { nobleAead } from '../crypto/noble-aead.ts'
import { KeyPair, PublicKey } from '../identity/keys.ts'
import { MESSAGE } from '../onion/constants.ts'
import { decodeMessage } from '../onion/messages.ts'
import { PREFIX, ScriptedRandom, sessionKeys, TestLink, type WireKeys } from '../onion/onion.fixture.ts'
import type { RelayCircuit } from '../onion/relay-circuit.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { HiddenRelay } from './hidden-relay.ts'
import { decodePacket, encodePacket } from './packets.ts'
import { answerCreate, openCreated } from './rendezvous-link.ts'

interface Step {
  readonly from: string
  readonly to: string
  readonly packet: string
  readonly msg_id: number
  readonly made_from?: { readonly msg_id: number; readonly message: string }
  readonly taken_as?: { readonly msg_id: number; readonly message: string }
}

const vector = vectorFile<{
  readonly info_hash: string
  readonly seeder: { readonly x25519_secret: string; readonly public_bin: string }
  readonly end_to_end_keys: WireKeys
  readonly ephemeral_keys_in_order_of_use: readonly {
    readonly node: string
    readonly n: number
    readonly x25519_secret: string
    readonly x25519_public: string
  }[]
  readonly packets: readonly Step[]
}>('hidden')

const BOB = addressOf('203.0.113.9', 7759) as IpAddress
const CAROL = addressOf('192.0.2.33', 1025) as IpAddress
const SEEDER_KEY = fromHex(vector.seeder.public_bin)

function ephemeral(node: string, n: number) {
  const found = vector.ephemeral_keys_in_order_of_use.find((key) => key.node === node && key.n === n)
  if (!found) throw new RangeError(`no key ${n} of ${node}`)
  return { secret: fromHex(found.x25519_secret), publicKey: fromHex(found.x25519_public) }
}

/** The message that one node put into a cell. */
function made(from: string, id: number, nth = 0): Uint8Array {
  const found = vector.packets.filter((step) => step.from === from && step.made_from?.msg_id === id)[nth]
  if (!found?.made_from) throw new RangeError(`${from} made no message ${id}`)
  return fromHex(found.made_from.message)
}

/** The packet of its own inside of a data message: what follows two addresses of seven bytes. */
const inside = (message: Uint8Array) => message.subarray(15)

/** A circuit that ends at a relay, as far as the relay's services see it. */
function endingCircuit() {
  const sent: string[] = []
  const circuit = {
    alive: true,
    maxAgeMs: 0,
    reply: (message: Uint8Array) => sent.push(toHex(message)),
    sendDatagram: (origin: IpAddress, data: Uint8Array) =>
      sent.push(`${origin.host}:${origin.port} ${toHex(data)}`),
  }
  return { sent, circuit: circuit as unknown as RelayCircuit }
}

function relay(name: string, address: IpAddress, join = () => true) {
  return new HiddenRelay({
    publicKey: keyPairOf(name).publicKey,
    prefix: PREFIX,
    clock: new VirtualClock(),
    random: new ScriptedRandom(),
    counters: new Counters(),
    addresses: () => [address],
    join,
  })
}

/** A seeder's key pair; its Ed25519 half signs nothing here. */
const seeder = KeyPair.parse(secretForm(fromHex(vector.seeder.x25519_secret)))

function secretForm(x25519: Uint8Array): Uint8Array {
  const tag = Uint8Array.from('LibNaCLSK:', (letter) => letter.charCodeAt(0))
  return concat(tag, x25519, new Uint8Array(32))
}

describe('hidden seeding byte for byte as py-ipv8 (C-01, issue 3: vectors in hidden.json)', () => {
  it('introduces: 9 is answered by 10, and 13 from an exit goes down the circuit', () => {
    const bob = relay('bob', BOB)
    const { circuit, sent } = endingCircuit()
    const establish = made('alice', MESSAGE.establishIntro)
    expect(bob.message(circuit, MESSAGE.establishIntro, establish, 0, establish.length)).toBe(true)
    expect(sent.splice(0)).toEqual([toHex(made('bob', MESSAGE.introEstablished))])
    const exitSocket = new TestLink(addressOf('203.0.113.200', 40003))
    const request = vector.packets.find((step) => step.msg_id === MESSAGE.createE2e)
    bob.packet(exitSocket, fromHex(request?.packet ?? ''))
    expect(sent).toEqual([`203.0.113.200:40003 ${toHex(inside(made('bob', MESSAGE.data)))}`])
    expect(exitSocket.take()).toEqual([])
  })

  it('joins: 11 is answered by 12, 15 by 16', () => {
    const joined: unknown[] = []
    const carol = relay('carol', CAROL, (...both: unknown[]) => joined.push(both) > 0)
    const seederSide = endingCircuit()
    const downloaderSide = endingCircuit()
    const wait = made('alice', MESSAGE.establishRendezvous)
    carol.message(seederSide.circuit, MESSAGE.establishRendezvous, wait, 0, wait.length)
    expect(seederSide.sent).toEqual([toHex(made('carol', MESSAGE.rendezvousEstablished))])
    const link = made('dave', MESSAGE.linkE2e)
    carol.message(downloaderSide.circuit, MESSAGE.linkE2e, link, 0, link.length)
    expect(downloaderSide.sent).toEqual([toHex(made('carol', MESSAGE.linkedE2e))])
    expect(joined).toEqual([[downloaderSide.circuit, seederSide.circuit]])
  })

  it('asks: 13 of the downloader', () => {
    const packet = inside(made('dave', MESSAGE.data))
    const body = decodePacket(PREFIX, MESSAGE.createE2e, packet)
    expect(toHex(body.infoHash)).toBe(vector.info_hash)
    expect(body.seederKey).toEqual(SEEDER_KEY)
    expect(body.dhKey).toEqual(ephemeral('dave', 2).publicKey)
    expect(encodePacket(PREFIX, MESSAGE.createE2e, body)).toEqual(packet)
  })

  it('answers: 14 of the seeder, with the sealed rendezvous info and the end-to-end keys', () => {
    const request = decodePacket(PREFIX, MESSAGE.createE2e, inside(made('dave', MESSAGE.data)))
    const wait = made('alice', MESSAGE.establishRendezvous)
    const { cookie } = decodeMessage(MESSAGE.establishRendezvous, wait)
    const world = {
      prefix: PREFIX,
      aead: nobleAead,
      random: new ScriptedRandom(ephemeral('alice', 5).secret),
    }
    const nodeKey = keyPairOf('carol').publicKey.bytes
    const answer = answerCreate(world, seeder, request, { address: CAROL, nodeKey, cookie })
    expect(toHex(answer.packet)).toBe(toHex(inside(made('alice', MESSAGE.data))))
    expect(answer.keys).toEqual(sessionKeys(vector.end_to_end_keys))
  })

  it('takes 14 as the downloader, and refuses it from another than the seeder', () => {
    const created = decodePacket(PREFIX, MESSAGE.createdE2e, inside(made('erin', MESSAGE.data)))
    const { keys, info } = openCreated(nobleAead, ephemeral('dave', 2), PublicKey.parse(SEEDER_KEY), created)
    expect(keys).toEqual(sessionKeys(vector.end_to_end_keys))
    expect(info.address).toEqual(CAROL)
    expect(info.nodeKey).toEqual(keyPairOf('carol').publicKey.bytes)
    const other = () => openCreated(nobleAead, ephemeral('dave', 2), keyPairOf('bob').publicKey, created)
    expect(other).toThrow(/rendezvous info is forged/)
  })
})
