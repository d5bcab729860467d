import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Address, addressOf, sameAddress } from '../bytes/address.ts'
import { concat, equalBytes, fromHex, toHex } from '../bytes/bytes.ts'
import { decode, encode } from '../bytes/codec.ts'
import { DIRECTORY_COMMUNITY_ID } from '../directory/constants.ts'
import { KeyPair, PublicKey } from '../identity/keys.ts'
import { prefixOf, readUnsigned, unsignedPacket } from '../ipv8/packet.ts'
import { mutated } from '../sim/fuzz/mutate.fixture.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { PROOF_REQUEST, PROOF_REQUEST_BYTES, PROOF_RESPONSE } from './constants.ts'
import type { ProofOutcome } from './proof.ts'
import { type ProofResponse, proofRequest, proofResponse, proofStatement } from './proof-messages.ts'
import { answering, type House, ip, proofPacket, Town } from './town.fixture.ts'

const prefix = prefixOf(DIRECTORY_COMMUNITY_ID)
const asker = 0

/** Asks for a proof; what came of it is put into the list. */
function prove(
  from: House,
  to: House,
  expectedKey: PublicKey | undefined = to.keyPair.publicKey,
): ProofOutcome[] {
  const outcomes: ProofOutcome[] = []
  from.proofs.prove(from.linkTo(to.address), { expectedKey }, (outcome) => outcomes.push(outcome))
  return outcomes
}

const kinds = (outcomes: readonly ProofOutcome[]) => outcomes.map(({ kind }) => kind)

describe('proof of a key at an address (D-06, fifth check)', () => {
  it('is given by an honest relay, in one round, with our address as it sees it', () => {
    const town = new Town()
    const [us, relay] = [town.house(asker), town.house(1)]
    const outcomes = prove(us, relay)
    town.clock.advance(1_000)
    expect(outcomes).toEqual([{ kind: 'proved', key: relay.keyPair.publicKey, ms: 40, seen: us.address }])
    expect(relay.received.map((packet) => packet.length)).toEqual([PROOF_REQUEST_BYTES])
    expect(us.received.length).toBe(1)
    expect(us.received[0]?.length).toBe(184)
    expect(town.clock.idle).toBe(true)
  })

  it('names the key where none was expected', () => {
    const town = new Town()
    const [us, relay] = [town.house(asker), town.house(1)]
    const outcomes: ProofOutcome[] = []
    us.proofs.prove(us.linkTo(relay.address), {}, (outcome) => outcomes.push(outcome))
    town.clock.advance(1_000)
    expect(outcomes).toMatchObject([{ kind: 'proved', key: relay.keyPair.publicKey }])
  })

  it('works over IPv6, for a name, and gets through when the first request is lost', () => {
    const town = new Town()
    const us = town.house(asker, { address: ip('2a01:4f8::1') })
    const relay = town.house(1, { address: ip('2a01:4f8:1::1') })
    const wire = town.network.wire(us.address, relay.address)
    wire.conditions = { loss: 1 }
    const outcomes = prove(us, relay)
    town.clock.advance(1_000)
    wire.conditions = { delayMs: 20 }
    town.clock.advance(2_000)
    expect(outcomes).toMatchObject([{ kind: 'proved', ms: 2_040 }])
    expect(us.received[0]?.length).toBeLessThanOrEqual(PROOF_REQUEST_BYTES)
    const named = encode(proofRequest, {
      nonce: new Uint8Array(16),
      target: addressOf('relay.example', 443),
      padding: new Uint8Array(),
    })
    expect(named.length).toBeLessThan(PROOF_REQUEST_BYTES)
  })

  it('ends as silent where nobody answers, as closed and as busy at once', () => {
    const town = new Town()
    const us = town.house(asker, { settings: { maxQuestions: 1 } })
    const relay = town.house(1)
    relay.instead = () => {}
    const first = prove(us, relay)
    expect(kinds(prove(us, relay))).toEqual(['busy'])
    town.clock.advance(7_999)
    expect(first).toEqual([])
    town.clock.advance(1)
    expect(kinds(first)).toEqual(['silent'])
    expect(relay.received.length).toBe(2)
    us.linkTo(relay.address).close('unneeded')
    expect(kinds(prove(us, relay))).toEqual(['closed'])
    expect(town.clock.idle).toBe(true)
  })
})

describe('relays that lie to a proof (D-06)', () => {
  it('one that passes the question on to an honest relay gets nothing to pass back', () => {
    const town = new Town()
    const [us, honest, liar] = [town.house(asker), town.house(1), town.house(2)]
    liar.instead = (from, packet) => {
      const to = from.host === honest.address.host ? us.address : honest.address
      liar.linkTo(to).send(packet, 0)
    }
    const outcomes = prove(us, liar, honest.keyPair.publicKey)
    town.clock.advance(10_000)
    expect(kinds(outcomes)).toEqual(['silent'])
    expect(honest.counters.get('proof-not-ours')).toBeGreaterThan(0)
    expect(honest.counters.get('proof-answered')).toBe(0)
  })

  it('one that changes the target on the way has a signature for another address', () => {
    const town = new Town()
    const [us, honest, liar] = [town.house(asker), town.house(1), town.house(2)]
    liar.instead = (from, packet) => {
      if (from.host === honest.address.host) {
        const response = readUnsigned(packet, proofResponse)
        liar.linkTo(us.address).send(proofPacket({ ...response, seen: us.address }), 0)
        return
      }
      const request = readUnsigned(packet, proofRequest)
      const padding = new Uint8Array(PROOF_REQUEST_BYTES)
      const changed = { ...request, target: honest.address, padding }
      liar.linkTo(honest.address).send(unsignedPacket(prefix, PROOF_REQUEST, proofRequest, changed), 0)
    }
    const outcomes = prove(us, liar, honest.keyPair.publicKey)
    town.clock.advance(10_000)
    expect(outcomes).toEqual([{ kind: 'forged', namedExpectedKey: true }])
    expect(honest.counters.get('proof-answered')).toBeGreaterThan(0)
  })

  it('one that does not know where it is signs, and the address that was dialled is in it', () => {
    const town = new Town()
    const [us, relay] = [town.house(asker), town.house(1, { knowsItself: false })]
    const outcomes = prove(us, relay)
    town.clock.advance(1_000)
    expect(kinds(outcomes)).toEqual(['proved'])
  })

  it('one that claims another relay’s address has that relay answer with its own key', () => {
    const town = new Town()
    const [us, honest, liar] = [town.house(asker), town.house(1), town.house(2)]
    const outcomes = prove(us, honest, liar.keyPair.publicKey)
    town.clock.advance(1_000)
    expect(outcomes).toMatchObject([{ kind: 'wrong-key', key: honest.keyPair.publicKey }])
  })

  it('one that answers late is told by the time', () => {
    const town = new Town((_from, to) => ({ delayMs: to.host === '11.0.0.1' ? 5_100 : 20 }))
    const [us, relay] = [town.house(asker), town.house(1)]
    const outcomes = prove(us, relay)
    town.clock.advance(20_000)
    expect(outcomes).toMatchObject([{ kind: 'proved', ms: 5_120 }])
    expect(us.counters.get('proof-unasked-response')).toBe(1)
  })

  it('one that replays an old proof, or one for another network, or swaps half of the key, is found', () => {
    const cases: [
      string,
      (honest: ProofResponse, old: ProofResponse) => ProofResponse,
      ProofOutcome['kind'],
    ][] = [
      ['whole', (_honest, old) => old, 'silent'],
      ['under the new nonce', ({ nonce }, old) => ({ ...old, nonce }), 'forged'],
      [
        'other half',
        (honest) => {
          const bytes = Uint8Array.from(honest.publicKey.bytes)
          bytes[20] = (bytes[20] ?? 0) ^ 1
          return { ...honest, publicKey: PublicKey.parse(bytes) }
        },
        'forged',
      ],
      ['another view of us', (honest) => ({ ...honest, seen: ip('12.0.0.1') }), 'forged'],
    ]
    for (const [, answer, outcome] of cases) {
      const town = new Town()
      const [us, relay] = [town.house(asker), town.house(1)]
      const first = prove(us, relay)
      town.clock.advance(1_000)
      expect(kinds(first)).toEqual(['proved'])
      const old = readUnsigned(us.received[0] as Uint8Array, proofResponse)
      answering(relay, (honest) => answer(honest, old))
      const outcomes = prove(us, relay)
      town.clock.advance(10_000)
      expect(kinds(outcomes)).toEqual([outcome])
    }
    const town = new Town()
    const [us, stranger] = [town.house(asker), town.house(1, { network: 'village' })]
    const outcomes = prove(us, stranger)
    town.clock.advance(10_000)
    expect(kinds(outcomes)).toEqual(['forged'])
  })

  it('whoever forges first does not keep the honest proof from counting', () => {
    const town = new Town()
    const [us, relay] = [town.house(asker), town.house(1)]
    const forger = town.house(2)
    relay.instead = (from, packet) => {
      const { nonce } = readUnsigned(packet, proofRequest)
      const { publicKey } = relay.keyPair
      relay.linkTo(from).send(proofPacket({ nonce, seen: from, publicKey, signature: new Uint8Array(64) }), 0)
      relay.proofs.receive(relay.linkTo(from), packet)
    }
    const outcomes = prove(us, relay)
    town.clock.advance(1_000)
    expect(kinds(outcomes)).toEqual(['proved'])
    expect(us.counters.get('proof-forged')).toBe(1)
    // And one that is not where we asked is not listened to at all.
    answering(forger, (honest) => honest)
    relay.instead = (_from, packet) => forger.instead?.(us.address, packet)
    const second = prove(us, relay)
    town.clock.advance(10_000)
    expect(kinds(second)).toEqual(['silent'])
    expect(us.counters.get('proof-unasked-response')).toBeGreaterThan(0)
  })
})

describe('what a stranger may ask (D-07)', () => {
  const request = (bytes: number) => {
    const body = { nonce: new Uint8Array(16), target: ip('11.0.1.1') }
    const padding = new Uint8Array(Math.max(0, bytes - 23 - 16 - 7))
    return unsignedPacket(prefix, PROOF_REQUEST, proofRequest, { ...body, padding })
  }

  it('ten proofs a minute, never for a question shorter than 300 bytes', () => {
    const town = new Town()
    const [us, relay] = [town.house(asker), town.house(1)]
    us.instead = () => {}
    for (let i = 0; i < 30; i++) us.linkTo(relay.address).send(request(300), 0)
    us.linkTo(relay.address).send(request(299), 0)
    town.clock.advance(1_000)
    expect(us.received.length).toBe(10)
    expect(relay.counters.get('proof-limit')).toBe(20)
    expect(relay.counters.get('proof-short-request')).toBe(1)
    town.clock.advance(60_000)
    us.linkTo(relay.address).send(request(300), 0)
    town.clock.advance(1_000)
    expect(us.received.length).toBe(11)
  })

  it('over all sources no more signatures than the machine can give', () => {
    const town = new Town()
    const relay = town.house(1, { settings: { signaturesPerSecond: 5 } })
    for (let i = 0; i < 40; i++) relay.proofs.receive(relay.linkTo(ip(`12.0.${i}.1`)), request(300))
    expect(relay.counters.get('proof-answered')).toBe(5)
    expect(relay.counters.get('proof-limit')).toBe(35)
  })

  it('and made-up sources take none from relays that are proven here', () => {
    const town = new Town()
    const known = ip('13.0.0.1')
    const isKnown = (address: Address) => sameAddress(address, known)
    const relay = town.house(1, { settings: { signaturesPerSecond: 5 }, isKnown })
    for (let i = 0; i < 40; i++) relay.proofs.receive(relay.linkTo(ip(`12.0.${i}.1`)), request(300))
    relay.proofs.receive(relay.linkTo(known), request(300))
    expect(relay.counters.get('proof-answered')).toBe(6)
  })

  it('leaves packets of others alone', () => {
    const town = new Town()
    const us = town.house(asker)
    const link = us.linkTo(ip('11.0.1.1'))
    expect(us.proofs.receive(link, concat(prefix, Uint8Array.of(1, 2, 3)))).toBe(false)
    expect(us.proofs.receive(link, Uint8Array.of(0, 2))).toBe(false)
    expect(us.proofs.receive(link, concat(prefix, Uint8Array.of(PROOF_RESPONSE)))).toBe(true)
  })

  it('never throws and proves nothing, whatever becomes of request and response', () => {
    const town = new Town()
    const us = town.house(asker, { settings: { maxAnswers: 1e6 } })
    const relay = town.house(1, { settings: { signaturesPerSecond: 1e6 } })
    const random = new SeededRandom(4)
    const caught: Uint8Array[] = []
    us.instead = (_from, packet) => caught.push(packet)
    const outcomes = prove(us, relay)
    town.clock.advance(100)
    const [honest] = caught
    const [asked] = relay.received
    if (!honest || !asked) throw new Error('no proof to change')
    for (let i = 0; i < 1_000; i++) {
      const from = relay.linkTo(ip(`13.${i & 7}.${(i >> 3) & 255}.1`))
      relay.proofs.receive(from, mutated(random, asked))
      const changed = mutated(random, honest)
      if (!equalBytes(changed, honest)) us.proofs.receive(us.linkTo(relay.address), changed)
    }
    expect(us.counters.get('proof-forged')).toBeGreaterThan(50)
    expect(outcomes).toEqual([])
    us.proofs.receive(us.linkTo(relay.address), honest)
    expect(kinds(outcomes)).toEqual(['proved'])
  })
})

describe('proof messages (D-06)', () => {
  const nonce = fc.uint8Array({ minLength: 16, maxLength: 16 })
  const address = fc.oneof(
    fc.tuple(fc.ipV4(), fc.nat(65_535)).map(([host, port]) => addressOf(host, port)),
    fc.tuple(fc.ipV6(), fc.nat(65_535)).map(([host, port]) => addressOf(host, port)),
  )

  it('read back what they wrote, and are never larger as answers', () => {
    fc.assert(
      fc.property(nonce, address, address, (value, target, seen) => {
        const request = { nonce: value, target, padding: new Uint8Array(7) }
        expect(decode(proofRequest, encode(proofRequest, request))).toEqual(request)
        const { publicKey } = new Town().house(3).keyPair
        const response = { nonce: value, seen, publicKey, signature: new Uint8Array(64) }
        const bytes = encode(proofResponse, response)
        expect(bytes.length + 23).toBeLessThanOrEqual(PROOF_REQUEST_BYTES)
        const read = decode(proofResponse, bytes)
        expect({ ...read, publicKey: read.publicKey.bytes }).toEqual({
          ...response,
          publicKey: publicKey.bytes,
        })
      }),
      { numRuns: 40 },
    )
  })
})

interface Vector {
  readonly network: string
  readonly target: { readonly host: string; readonly port: number }
  readonly seen: { readonly host: string; readonly port: number }
  readonly nonce: string
  readonly secret: string
  readonly request: string
  readonly statement: string
  readonly response: string
}

describe('proofs as another implementation makes them (D-06)', () => {
  const { proofs } = JSON.parse(
    readFileSync(new URL('../../fixtures/trust/proof.json', import.meta.url), 'utf8'),
  ) as { proofs: Vector[] }

  it.each(proofs)('are ours to the byte, in network $network', (vector) => {
    const keyPair = KeyPair.parse(fromHex(vector.secret))
    const { publicKey } = keyPair
    const nonce = fromHex(vector.nonce)
    const target = addressOf(vector.target.host, vector.target.port)
    const seen = addressOf(vector.seen.host, vector.seen.port)
    const statement = proofStatement(vector.network, { nonce, target, seen, publicKey })
    expect(toHex(statement)).toBe(vector.statement)
    const response = { nonce, seen, publicKey, signature: keyPair.sign(statement) }
    expect(toHex(proofPacket(response))).toBe(vector.response)
    const request = readUnsigned(fromHex(vector.request), proofRequest)
    expect(request).toMatchObject({ nonce, target })
    expect(toHex(unsignedPacket(prefix, PROOF_REQUEST, proofRequest, request))).toBe(vector.request)
  })
})
