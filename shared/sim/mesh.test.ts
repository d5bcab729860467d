import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import { nobleCurves, useCurves } from '../crypto/curves.ts'
import { complete, ephemeralKey, respond } from '../crypto/handshake.ts'
import { KeyPair } from '../identity/keys.ts'
import { Mesh, MeshNode, MeshStream } from './mesh.ts'
import { SeededRandom } from './seeded-random.ts'
import { toyAead, toyCurves } from './toy-crypto.ts'
import { VirtualClock } from './virtual-clock.ts'

function mesh(loss: number) {
  const clock = new VirtualClock()
  const sent: number[] = []
  const meter = { sent: (_: unknown, packet: Uint8Array) => void sent.push(packet.length) }
  const all = new Mesh({ clock, random: new SeededRandom(3), loss, meter })
  const node = (n: number) => new MeshNode(all, { kind: 'ipv4', host: `10.0.0.${n}`, port: 1 })
  return { clock, sent, node }
}

describe('mesh of very many nodes (O-02)', () => {
  it('carries datagrams by way of where nodes are, loses its share, and what is sent to nobody', () => {
    const { clock, node, sent } = mesh(0.25)
    const [a, b] = [node(1), node(2)]
    const nobody: IpAddress = { kind: 'ipv4', host: '10.0.0.9', port: 1 }
    let arrived = 0
    let at = 0
    b.receive = (link, packet) => {
      arrived++
      at = clock.now()
      expect([link.address, packet[0]]).toEqual([a.address, 7])
    }
    expect(a.linkTo(nobody)).toBeUndefined()
    for (let i = 0; i < 1000; i++) a.linkTo(b.address)?.send(Uint8Array.of(7), 0)
    clock.advance(1_000)
    expect(at).toBe(a.delayTo(b))
    expect(arrived).toBeGreaterThan(700)
    expect(arrived).toBeLessThan(800)
    expect(sent.length).toBe(1000)
    b.receive = undefined
    a.linkTo(b.address)?.send(Uint8Array.of(7), 0)
    clock.advance(1_000)
    expect(arrived).toBeLessThan(800)
  })

  it('ends a stream at both ends, unless one vanishes', () => {
    const { clock, node } = mesh(0)
    const [a, b] = [node(1), node(2)]
    const log: string[] = []
    const pair = () => {
      const near = new MeshStream(
        a,
        b,
        () => log.push('near got'),
        () => log.push('near closed'),
      )
      const far = new MeshStream(
        b,
        a,
        () => log.push('far got'),
        () => log.push('far closed'),
      )
      near.other = far
      far.other = near
      return { near, far }
    }
    const first = pair()
    first.near.send(Uint8Array.of(1), 0)
    clock.advance(500)
    first.far.close('shutdown')
    clock.advance(500)
    expect(log.splice(0)).toEqual(['far got', 'far closed', 'near closed'])
    const second = pair()
    second.far.vanish()
    second.near.send(Uint8Array.of(1), 0)
    clock.advance(500)
    expect([log, second.near.open]).toEqual([[], true])
    second.near.shut()
    expect(log).toEqual(['near closed'])
  })
})

describe('stand-ins for cryptography (O-02)', () => {
  beforeAll(() => useCurves(toyCurves))
  afterAll(() => useCurves(nobleCurves))

  it('agree on keys, and let signatures and tags fit one key and one message only', () => {
    const random = new SeededRandom(5)
    const [hop, other] = [KeyPair.generate(random), KeyPair.generate(random)]
    const [owner, answer] = [ephemeralKey(random), ephemeralKey(random)]
    const { auth, keys } = respond(hop.x25519Secret, answer, owner.publicKey)
    expect(complete(owner, hop.publicKey.x25519, answer.publicKey, auth)).toEqual(keys)
    expect(complete(owner, other.publicKey.x25519, answer.publicKey, auth)).not.toEqual(keys)
    const message = random.bytes(100)
    const signature = hop.sign(message)
    expect(hop.publicKey.verify(signature, message)).toBe(true)
    expect(other.publicKey.verify(signature, message)).toBe(false)
    expect(hop.publicKey.verify(signature, message.slice(1))).toBe(false)
    const sealed = new Uint8Array(message.length + 16)
    const nonce = random.bytes(12)
    toyAead.seal(sealed, message, nonce, keys.forwardKey)
    const opened = new Uint8Array(message.length)
    expect(toyAead.open(opened, sealed, nonce, keys.backwardKey)).toBe(false)
    expect(toyAead.open(opened, sealed, random.bytes(12), keys.forwardKey)).toBe(false)
    expect(toyAead.open(opened, sealed, nonce, keys.forwardKey)).toBe(true)
    expect(opened).toEqual(message)
  })
})
