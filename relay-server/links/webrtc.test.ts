import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CulvertError } from '../../shared/bytes/error.ts'
import { BINDINGS } from '../../shared/link/auth-binding.ts'
import type { LinkCloseReason } from '../../shared/link/link.ts'
import { HOSTILE_MESSAGES, type LinkWire, linkSuite } from '../../shared/link/link-suite.fixture.ts'
import type { Wire } from '../../shared/link/wire.ts'
import { SIGNALLER_ADDRESS, until, type WebRtcNode, WebRtcTown } from './webrtc.fixture.ts'
import { ManInTheMiddle, wayTo } from './webrtc-middle.fixture.ts'

async function webRtcWire(): Promise<LinkWire> {
  const town = new WebRtcTown()
  const [from, to] = [await town.node(), await town.node()]
  const [left, right] = await town.pair(from, to)
  const ended = (wire: Wire) => {
    const received: Uint8Array[] = []
    const closed: LinkCloseReason[] = []
    wire.handTo({
      onPacket: (_link, packet) => received.push(packet),
      onClosed: (_link, reason) => closed.push(reason),
    })
    return { received, closed }
  }
  const [atLeft, atRight] = [ended(left), ended(right)]
  return {
    left: left.link,
    right: right.link,
    leftReceived: atLeft.received,
    rightReceived: atRight.received,
    leftClosed: atLeft.closed,
    rightClosed: atRight.closed,
    leftCounters: from.counters,
    rightCounters: to.counters,
    injectToRight: (bytes) => from.channels[0]?.send(Uint8Array.from(bytes)),
    cut: () => from.peers[0]?.close(),
    until,
    stop: () => town.stop(),
  }
}

linkSuite(
  'WebRTC link (L-01, L-06, L-08)',
  { reliable: true, tellsClose: true, hostile: HOSTILE_MESSAGES, ordeals: ['cut'] },
  webRtcWire,
)

let town: WebRtcTown
beforeEach(() => {
  town = new WebRtcTown()
})
afterEach(() => town.stop())

const codeOf = async (attempt: Promise<unknown>) => {
  try {
    await attempt
  } catch (error) {
    if (error instanceof CulvertError) return error.code
    throw error
  }
  return 'none'
}
const counted = (node: WebRtcNode, start: string) =>
  Object.entries(node.counters.snapshot()).reduce(
    (sum, [name, n]) => sum + (name.startsWith(start) ? n : 0),
    0,
  )

describe('WebRTC: whom a link is with (L-03)', () => {
  it('is bound to both DTLS fingerprints, and known by key on both sides', async () => {
    const [from, to] = [await town.node(), await town.node()]
    const [left, right] = await town.pair(from, to)
    expect([left.binding, right.binding]).toEqual([BINDINGS.dtlsFingerprints, BINDINGS.dtlsFingerprints])
    expect(left.neighbour.equals(to.keyPair.publicKey)).toBe(true)
    expect(right.neighbour.equals(from.keyPair.publicKey)).toBe(true)
    expect([left.initiated, left.address, right.initiated, right.address]).toEqual([
      true,
      SIGNALLER_ADDRESS,
      false,
      undefined,
    ])
  })

  it('fails with a signaller that ends DTLS itself and passes every message on', async () => {
    const middle = await ManInTheMiddle.make()
    const to = await town.node()
    const up = wayTo(to.keyPair.publicKey)
    const down = wayTo(to.keyPair.publicKey)
    const from = await town.node({ signallerAt: () => up })
    const paths = middle.between(
      { mid: from.keyPair.publicKey.mid, arrives: (body) => from.links.signalling.receive(up, body) },
      { mid: to.keyPair.publicKey.mid, arrives: (body) => to.links.signalling.receive(down, body) },
    )
    up.arrives = paths.fromCaller
    down.arrives = paths.fromCalled
    expect(await codeOf(town.dial(from, to))).toBe('auth-signature')
    expect(middle.passed).toBeGreaterThanOrEqual(2)
    await until(() => to.links.size === 0 && from.links.size === 0)
    expect(to.wires).toHaveLength(0)
    middle.stop()
  })
})

describe('WebRTC: when it does not work out (L-01, L-06)', () => {
  it('says that nobody signals, or that the signaller does not reach the relay', async () => {
    const alone = await town.node({ signallerAt: () => undefined })
    const to = await town.node()
    expect(await codeOf(town.dial(alone, to))).toBe('link-unreachable')
    const from = await town.node()
    const stranger = { ...to, keyPair: alone.keyPair }
    town.tamper(alone, () => undefined)
    town.forget(alone)
    expect(await codeOf(town.dial(from, stranger))).toBe('signal-unreachable')
    expect(from.links.size).toBe(0)
  })

  it('refuses a call when there is no room, and serves the next when there is', async () => {
    const to = await town.node({ limits: { connections: 1, opening: 1 } })
    const [first, second] = [await town.node(), await town.node()]
    const [wire] = await town.pair(first, to)
    expect(await codeOf(town.dial(second, to))).toBe('signal-full')
    wire.link.close('unneeded')
    await until(() => to.links.size === 0)
    await town.pair(second, to)
  })

  it('ends an attempt that its caller gives up', async () => {
    const [from, to] = [await town.node(), await town.node()]
    town.tamper(to, () => undefined)
    const abort = new AbortController()
    const attempt = from.links.dial(
      { address: SIGNALLER_ADDRESS, publicKey: to.keyPair.publicKey },
      abort.signal,
    )
    abort.abort()
    expect(await codeOf(attempt)).toBe('link-aborted')
    expect(from.links.size).toBe(0)
  })

  it('goes on without WebRTC where the library does not load, says so once, and signals for others', async () => {
    const load = async () => {
      throw new CulvertError('webrtc-unavailable', 'WebRTC is not there on this machine')
    }
    const without = await town.node({ load })
    expect(without.log).toEqual(['WebRTC is not there on this machine; this relay does without'])
    expect([without.links.canDial(SIGNALLER_ADDRESS), without.links.addresses()]).toEqual([false, []])
    const from = await town.node()
    expect(from.links.addresses()).toEqual([SIGNALLER_ADDRESS])
    expect(await codeOf(town.dial(from, without))).toBe('signal-off')
    expect(await codeOf(town.dial(without, from))).toBe('link-unreachable')
  })

  it('asks no STUN server whose address the library cannot read, and is not brought down by one', async () => {
    const stunServers = () => ['stun:[2001:db8::1]:7759', 'stun:[2001:db8::2]:7759']
    const [from, to] = [await town.node({ stunServers }), await town.node({ stunServers })]
    const [wire] = await town.pair(from, to)
    expect(wire.link.open).toBe(true)
    const broken = await town.node({ stunServers: () => ['stun:a:b:c'] })
    expect(await codeOf(town.dial(from, broken))).toBe('signal-off')
    expect(await codeOf(town.dial(broken, to))).toBe('webrtc-refused')
    expect(counted(broken, 'webrtc-failed')).toBe(2)
  })

  it('closes a channel of text', async () => {
    const [from, to] = [await town.node(), await town.node()]
    const [left] = await town.pair(from, to)
    const closed: LinkCloseReason[] = []
    left.handTo({ onPacket: () => {}, onClosed: (_link, reason) => closed.push(reason) })
    from.channels[0]?.send('hello')
    await until(() => closed.length === 1)
    expect(closed).toEqual(['protocol'])
    expect(counted(to, 'webrtc-text-message')).toBe(1)
  })

  it('takes no second channel: who opens one loses the connection', async () => {
    const [from, to] = [await town.node(), await town.node()]
    await town.pair(from, to)
    const closed: LinkCloseReason[] = []
    to.wires[0]?.handTo({ onPacket: () => {}, onClosed: (_link, reason) => closed.push(reason) })
    from.peers[0]?.createDataChannel('culvert')
    await until(() => closed.length === 1 && from.links.size === 0)
    expect(closed).toEqual(['protocol'])
    expect([counted(to, 'webrtc-channel-refused'), to.links.size]).toEqual([1, 0])
  })
})

describe('WebRTC: what it leaves behind (L-01)', () => {
  it('is nothing after 50 connections: neither connections nor descriptors nor threads', {
    timeout: 120_000,
  }, async () => {
    const to = await town.node()
    // Three, for a signaller lets nobody call too often.
    const callers = [await town.node(), await town.node(), await town.node()] as const
    const open = () => [readdirSync('/proc/self/fd').length, readdirSync('/proc/self/task').length] as const
    const once = async (i: number) => {
      const from = callers[i % callers.length] as WebRtcNode
      const [wire] = await town.pair(from, to)
      wire.link.close('unneeded')
      await until(() => from.links.size === 0 && to.links.size === 0)
    }
    await once(0)
    const [descriptors, threads] = open()
    for (let i = 0; i < 50; i++) await once(i)
    await until(() => open()[0] <= descriptors + 4)
    expect(open()[1]).toBeLessThanOrEqual(threads + 2)
    expect([...callers, to].map(({ links }) => links.signalling.end.size)).toEqual([0, 0, 0, 0])
  })

  it.each(['stopped', 'left open'])('is a process that ends by itself, its links %s', (how) => {
    const program = fileURLToPath(new URL('webrtc-exit.fixture.ts', import.meta.url))
    const said = execFileSync(process.execPath, ['--import', 'tsx', program, how], { encoding: 'utf8' })
    expect(said).toBe('open\nover\n')
  })
})
