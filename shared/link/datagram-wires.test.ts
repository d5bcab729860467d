import { describe, expect, it } from 'vitest'
import { addressOf } from '../bytes/address.ts'
import { equalBytes } from '../bytes/bytes.ts'
import { KeyPair, PublicKey } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { isControl, messagePacket, pingPacket } from './control.ts'
import { DATAGRAM_LIMITS } from './datagram-limits.ts'
import { DatagramWires } from './datagram-wires.ts'
import type { Link } from './link.ts'
import type { LinkAddress } from './link-address.ts'
import type { Wire } from './wire.ts'

const PACKET = Uint8Array.of(0, 2, 9, 9, 9)

/** One side: its wires, and the link of datagrams to the other. */
class Side {
  readonly keyPair: KeyPair
  readonly counters = new Counters()
  readonly taken: Wire[] = []
  readonly wires: DatagramWires
  /** What was sent, before it was lost or not. */
  readonly sent: Uint8Array[] = []
  readonly way: Link
  lose: (packet: Uint8Array) => boolean = () => false
  other: Side | undefined

  constructor(clock: VirtualClock, seed: number, network = 'test', keyPair?: KeyPair) {
    const random = new SeededRandom(seed)
    this.keyPair = keyPair ?? KeyPair.generate(random)
    this.wires = new DatagramWires({
      keyPair: this.keyPair,
      network,
      clock,
      random,
      counters: this.counters,
      onWire: (wire) => this.taken.push(wire),
    })
    this.way = {
      kind: 'udp',
      mtu: 1_600,
      address: addressOf('192.0.2.1', 7000 + seed),
      open: true,
      send: (packet) => {
        this.sent.push(packet)
        if (this.lose(packet)) return
        const copy = packet.slice()
        clock.after(20, () => this.other?.hear(copy))
      },
      close: () => undefined,
    }
  }

  hear(packet: Uint8Array): void {
    if (isControl(packet)) this.wires.receive(this.way, packet)
    else this.wires.wireOver(this.way)?.deliver(packet)
  }
}

/** A key that signs like all others, and whose other half is a point of low order: the result is the same with all keys. */
function lowOrderKey(): KeyPair {
  const keyPair = KeyPair.generate(new SeededRandom(3))
  const bytes = keyPair.publicKey.bytes.slice()
  bytes.fill(0, 10, 42)
  return Object.create(keyPair, { publicKey: { value: PublicKey.parse(bytes) } }) as KeyPair
}

function pair(more: { network?: string; left?: KeyPair; right?: KeyPair } = {}) {
  const clock = new VirtualClock()
  const [a, b] = [new Side(clock, 1, 'test', more.left), new Side(clock, 2, more.network, more.right)]
  a.other = b
  b.other = a
  const address: LinkAddress = { kind: 'udp', at: addressOf('192.0.2.1', 7002) }
  const failures: string[] = []
  const opened: Wire[] = []
  const dial = (key = b.keyPair.publicKey) =>
    a.wires.dial(a.way, key, address).then(
      (wire) => void opened.push(wire),
      (error: { code: string }) => void failures.push(error.code),
    )
  return { clock, a, b, dial, opened, failures }
}

function heardBy(wire: Wire | undefined) {
  const heard = { packets: [] as Uint8Array[], closed: [] as string[] }
  wire?.handTo({
    onPacket: (_link, packet) => heard.packets.push(packet),
    onClosed: (_link, reason) => heard.closed.push(reason),
  })
  return heard
}

async function joined() {
  const net = pair()
  void net.dial()
  await net.clock.advanceAsync(200)
  const [left, right] = [net.opened[0] as Wire, net.b.taken[0] as Wire]
  return { ...net, left, right, leftHeard: heardBy(left), rightHeard: heardBy(right) }
}

describe('wires over datagrams (L-03)', () => {
  it('prove both keys, and carry packets and control both ways', async () => {
    const { clock, a, b, left, right, leftHeard, rightHeard } = await joined()
    expect(left.neighbour.equals(b.keyPair.publicKey)).toBe(true)
    expect(right.neighbour.equals(a.keyPair.publicKey)).toBe(true)
    expect([left.initiated, right.initiated]).toEqual([true, false])
    const control = messagePacket(new Uint8Array(16), Uint8Array.of(1, 2, 3))
    left.link.send(PACKET.slice(), 7)
    left.link.send(control.slice(), 0)
    right.link.send(PACKET.slice(), 7)
    right.link.send(pingPacket(5), 0)
    await clock.advanceAsync(100)
    expect(rightHeard.packets).toEqual([PACKET, control])
    expect(leftHeard.packets).toEqual([PACKET, pingPacket(5)])
  })

  it('open although any one packet of the handshake is lost', async () => {
    for (let lost = 0; lost < 4; lost++) {
      const { clock, a, b, dial, opened } = pair()
      let packets = 0
      a.lose = () => packets++ === lost
      b.lose = () => packets++ === lost
      void dial()
      await clock.advanceAsync(3_000)
      expect(opened.length).toBe(1)
      expect(b.taken.length).toBe(1)
    }
  })

  it('fail by their time limit where nobody answers, and leave nothing behind', async () => {
    const { clock, b, dial, failures } = pair()
    b.lose = () => true
    void dial()
    await clock.advanceAsync(11_000)
    expect(failures).toEqual(['auth-timeout'])
    expect(clock.idle).toBe(true)
  })

  it('open although forged questions have taken every place', async () => {
    const { clock, a, b, dial, opened } = pair()
    const forger = new Side(clock, 5)
    const address: LinkAddress = { kind: 'udp', at: addressOf('192.0.2.1', 7002) }
    const nowhere: Link = { ...b.way, send: () => undefined }
    const forge = () => {
      void forger.wires.dial(forger.way, b.keyPair.publicKey, address).catch(() => undefined)
      b.wires.receive(nowhere, forger.sent.at(-1) as Uint8Array)
    }
    for (let i = 0; i < DATAGRAM_LIMITS.pending + 20; i++) {
      forge()
      await clock.advanceAsync(50)
    }
    void dial()
    for (let i = 0; i < 20; i++) {
      await clock.advanceAsync(50)
      forge()
    }
    expect(b.counters.get('datagram-given-up')).toBeGreaterThan(20)
    expect([opened.length, b.taken.length]).toEqual([1, 1])
    expect(b.taken[0]?.neighbour.equals(a.keyPair.publicKey)).toBe(true)
    await clock.advanceAsync(60_000)
    expect(b.counters.get('datagram-full')).toBe(0)
  })

  it('refuse another key and another network', async () => {
    const other = pair()
    void other.dial(KeyPair.generate(new SeededRandom(9)).publicKey)
    const foreign = pair({ network: 'other' })
    void foreign.dial()
    for (const { clock } of [other, foreign]) await clock.advanceAsync(1_000)
    expect([other.failures, foreign.failures]).toEqual([['auth-key'], ['auth-refused']])
    expect([other.b.taken.length, foreign.b.taken.length]).toEqual([0, 0])
  })

  it('are not made with a key of low order, whoever dials', async () => {
    const called = pair({ left: lowOrderKey() })
    void called.dial()
    const calling = pair({ right: lowOrderKey() })
    void calling.dial()
    for (const { clock } of [called, calling]) await clock.advanceAsync(200)
    expect([called.b.counters.get('datagram-key'), called.b.taken]).toEqual([1, []])
    expect([calling.opened, calling.failures]).toEqual([[], ['auth-key']])
  })

  it('answer no question with more bytes than it had', async () => {
    const { clock, a, b, dial } = pair()
    void dial()
    await clock.advanceAsync(200)
    expect(a.sent.length).toBe(2)
    for (const [i, answer] of b.sent.entries()) {
      expect(answer.length).toBeLessThanOrEqual(a.sent[i]?.length ?? 0)
    }
  })

  it('answer strangers at a bounded rate', async () => {
    const { clock, a, b } = pair()
    for (let i = 0; i < 500; i++) {
      a.wires.dial(a.way, b.keyPair.publicKey, { kind: 'udp', at: b.way.address }).catch(() => undefined)
    }
    await clock.advanceAsync(40)
    expect(b.sent.length).toBe(DATAGRAM_LIMITS.questionBurst)
    expect(b.counters.get('datagram-rate-limited')).toBe(500 - DATAGRAM_LIMITS.questionBurst)
  })

  it('drop control that others made up, changed or sent again', async () => {
    const { clock, a, b, left, rightHeard } = await joined()
    b.hear(messagePacket(new Uint8Array(16), Uint8Array.of(1)))
    expect(b.counters.get('datagram-control-unsealed')).toBe(1)
    left.link.send(pingPacket(1), 0)
    const genuine = a.sent.at(-1)?.slice() as Uint8Array
    await clock.advanceAsync(50)
    b.hear(genuine.slice())
    for (let i = 23; i < genuine.length; i++) {
      const changed = genuine.slice()
      changed[i] = (changed[i] as number) ^ 1
      b.hear(changed)
    }
    expect(rightHeard.packets.length).toBe(1)
    expect(rightHeard.closed).toEqual([])
  })

  it('do not take what the neighbour itself was sent', async () => {
    const { clock, a, left, leftHeard } = await joined()
    left.link.send(pingPacket(1), 0)
    a.hear(a.sent.at(-1)?.slice() as Uint8Array)
    await clock.advanceAsync(50)
    expect(leftHeard.packets).toEqual([])
    expect(a.counters.get('datagram-seal')).toBe(1)
  })

  it('tell the neighbour why they close, and end with the link below', async () => {
    const one = await joined()
    one.left.link.close('unneeded')
    await one.clock.advanceAsync(50)
    expect(one.rightHeard.closed).toEqual(['unneeded'])
    expect(one.b.wires.wireOver(one.b.way)).toBeUndefined()
    const two = await joined()
    two.a.wires.lost(two.a.way)
    expect(two.leftHeard.closed).toEqual(['lost'])
    expect(two.left.link.open).toBe(false)
    const three = await joined()
    three.b.wires.stop()
    await three.clock.advanceAsync(50)
    expect(three.leftHeard.closed).toEqual(['shutdown'])
    expect(three.clock.idle).toBe(true)
  })

  it('are replaced by newer ones, each with control of its own', async () => {
    const { clock, a, b, dial, opened, left, leftHeard } = await joined()
    void dial()
    await clock.advanceAsync(200)
    const newer = heardBy(opened[1])
    const [, second] = b.taken
    heardBy(second)
    b.taken[0]?.link.send(pingPacket(1), 0)
    second?.link.send(pingPacket(2), 0)
    await clock.advanceAsync(50)
    expect(leftHeard.packets).toEqual([pingPacket(1)])
    expect(newer.packets).toEqual([pingPacket(2)])
    left.link.close('unneeded')
    await clock.advanceAsync(50)
    expect(a.wires.wireOver(a.way)).toBe(opened[1]?.link)
    expect(second?.link.open).toBe(true)
  })

  it('stand in again when a newer one is closed first, as where both sides have dialled', async () => {
    const { clock, a, b, dial, opened, left, right, leftHeard, rightHeard } = await joined()
    void dial()
    await clock.advanceAsync(200)
    opened[1]?.link.close('unneeded')
    await clock.advanceAsync(50)
    expect(a.wires.wireOver(a.way)).toBe(left.link)
    expect(b.wires.wireOver(b.way)).toBe(right.link)
    left.link.send(PACKET.slice(), 3)
    right.link.send(PACKET.slice(), 3)
    await clock.advanceAsync(50)
    expect([leftHeard.packets, rightHeard.packets]).toEqual([[PACKET], [PACKET]])
  })

  it('never throw at hostile bytes', () => {
    const { b } = pair()
    const random = new SeededRandom(4)
    const front = pingPacket(0).slice(0, 22)
    for (let i = 0; i < 2_000; i++) {
      const bytes = random.bytes(1 + (i % 300))
      bytes[0] = i % 10
      bytes[1] = i % 3
      b.hear(Uint8Array.of(...front, ...bytes))
    }
    expect(b.taken).toEqual([])
    expect(equalBytes(front.slice(0, 2), Uint8Array.of(0, 2))).toBe(true)
  })

  it('give up when they are not wanted any more', async () => {
    const { clock, a, b } = pair()
    const listeners: (() => void)[] = []
    const signal = {
      aborted: false,
      addEventListener: (_: 'abort', listener: () => void) => void listeners.push(listener),
      removeEventListener: () => undefined,
    }
    const codes: string[] = []
    a.wires
      .dial(a.way, b.keyPair.publicKey, { kind: 'udp', at: b.way.address }, signal)
      .catch((error: { code: string }) => codes.push(error.code))
    for (const listener of listeners) listener()
    await clock.advanceAsync(5_000)
    expect(codes).toEqual(['link-aborted'])
    expect(b.taken).toEqual([])
  })
})
