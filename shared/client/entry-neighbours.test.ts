import { describe, expect, it } from 'vitest'
import { NO_ADDRESS } from '../bytes/address.ts'
import { CulvertError } from '../bytes/error.ts'
import { KeyPair } from '../identity/keys.ts'
import { BINDINGS } from '../link/auth-binding.ts'
import { answerControl } from '../link/control.ts'
import type { Link, LinkCloseReason } from '../link/link.ts'
import { parseLinkAddress } from '../link/link-address.ts'
import { type Dialler, type DialSignal, LinkWire, type Wire, type WireHandlers } from '../link/wire.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { EntryNeighbours } from './entry-neighbours.ts'

const random = new SeededRandom(5)
const relay = { publicKey: KeyPair.generate(random).publicKey, url: 'ws://alder.example/relay' }
const own = KeyPair.generate(random).publicKey
const WEBSOCKET = parseLinkAddress(relay.url)
const WEBRTC = parseLinkAddress('webrtc+ws://birch.example/relay')
const DELAY_MS = 10
type Kind = 'websocket' | 'webrtc'

/** How a kind behaves that leads to the relay. */
interface Way {
  /** How long it takes to open; undefined: for ever. */
  opensMs: number | undefined
  refuses: boolean
  /** Open wires of it carry nothing. */
  silent: boolean
  dialled: number
  calledOff: number
  readonly open: Set<FarEnd>
}

/** A wire as the relay sees it, which answers pings and sends back what it is sent. */
class FarEnd {
  readonly wire: Wire
  private handlers: WireHandlers | undefined
  private link: Link | undefined
  private readonly way: Way

  constructor(way: Way, kind: Kind, clock: VirtualClock) {
    this.way = way
    const later = (run: () => void) => void clock.after(DELAY_MS, () => way.silent || run())
    const back = {
      send: (packet: Uint8Array) => later(() => this.link && this.handlers?.onPacket(this.link, packet)),
    }
    this.wire = new LinkWire({
      kind,
      neighbour: relay.publicKey,
      binding: BINDINGS.none,
      initiated: true,
      link: (handlers) => {
        this.handlers = handlers
        this.link = {
          kind,
          mtu: 16_000,
          address: NO_ADDRESS,
          open: true,
          send: (packet) => later(() => answerControl(back as unknown as Link, packet) || back.send(packet)),
          close: (reason) => this.close(reason),
        }
        return this.link
      },
    })
    way.open.add(this)
  }

  close(reason: LinkCloseReason): void {
    if (!this.way.open.delete(this) || !this.link) return
    this.handlers?.onClosed(this.link, reason)
  }
}

function world() {
  const clock = new VirtualClock()
  const way = (opensMs: number): Way => ({
    opensMs,
    refuses: false,
    silent: false,
    dialled: 0,
    calledOff: 0,
    open: new Set(),
  })
  const ways = { websocket: way(30), webrtc: way(150) }
  const dialler = (kind: Kind): Dialler => ({
    kind,
    canDial: (address) => address.kind === kind,
    dial: (_target, signal?: DialSignal) =>
      new Promise((resolve, reject) => {
        const it = ways[kind]
        it.dialled++
        const timer = clock.after(it.opensMs ?? 10_000, () => {
          if (it.refuses || it.opensMs === undefined) reject(new CulvertError('link-unreachable', 'no'))
          else resolve(new FarEnd(it, kind, clock).wire)
        })
        signal?.addEventListener('abort', () => {
          if (!it.open.size) it.calledOff++
          timer.cancel()
          reject(new CulvertError('link-aborted', 'called off'))
        })
      }),
  })
  const received: number[] = []
  const closed: LinkCloseReason[] = []
  const states: string[] = []
  const neighbours: EntryNeighbours = new EntryNeighbours({
    clock,
    random,
    counters: new Counters(),
    diallers: [dialler('websocket'), dialler('webrtc')],
    addressesOf: () => [WEBSOCKET, WEBRTC],
    keyFor: () => own,
    inUse: () => true,
    changed: () => void states.push(neighbours.list()[0]?.state ?? 'none'),
  })
  const opening = neighbours.open(
    relay,
    (_, packet) => void received.push(packet[0] ?? 0),
    (_, reason) => void closed.push(reason),
  )
  const settle = async (ms: number) => {
    await clock.advanceAsync(ms)
  }
  const kinds = () => neighbours.list()[0]?.neighbour.wires.map(({ kind }) => kind)
  const kill = (kind: Kind, reason: LinkCloseReason = 'lost') => {
    for (const end of [...ways[kind].open]) end.close(reason)
  }
  return { clock, ways, neighbours, opening, received, closed, states, settle, kinds, kill }
}

/** Sends a packet every 50 ms, as a film does. */
function film(link: Link, clock: VirtualClock): void {
  let count = 0
  const next = () => {
    link.send(Uint8Array.of(++count, 0xff), 7)
    if (link.open) clock.after(50, next)
  }
  next()
}

async function opened() {
  const made = world()
  await made.settle(500)
  const link = await made.opening
  film(link, made.clock)
  await made.settle(500)
  return { ...made, link }
}

describe('ways to an entry side by side (L-01, L-03)', () => {
  it('takes the first that is authenticated, and calls the other off', async () => {
    const { ways, opening, settle, kinds } = world()
    await settle(29)
    expect([ways.websocket.dialled, ways.webrtc.dialled]).toEqual([1, 1])
    await settle(1_000)
    await opening
    expect(kinds()).toEqual(['websocket'])
    expect(ways.webrtc.calledOff).toBe(1)
    expect(ways.webrtc.open.size).toBe(0)
  })

  it('takes the other where the first fails, or does not answer', async () => {
    for (const fault of [{ refuses: true }, { opensMs: undefined }]) {
      const { ways, opening, settle, kinds } = world()
      Object.assign(ways.websocket, fault)
      await settle(150)
      await opening
      expect(kinds()).toEqual(['webrtc'])
    }
  })

  it('fails when both do, with what the last one said', async () => {
    const { ways, opening, settle } = world()
    ways.websocket.refuses = true
    ways.webrtc.refuses = true
    const failed = expect(opening).rejects.toMatchObject({ code: 'link-unreachable' })
    await settle(200)
    await failed
  })

  it('opens no second link to a relay, and none once stopped', async () => {
    const { neighbours, opening, settle } = world()
    const again = neighbours.open(
      relay,
      () => {},
      () => {},
    )
    const failed = expect(again).rejects.toMatchObject({ code: 'entry-busy' })
    await settle(200)
    await opening
    await failed
    const late = neighbours.open(
      relay,
      () => {},
      () => {},
    )
    neighbours.stop()
    await expect(late).rejects.toMatchObject({ code: 'link-aborted' })
  })
})

describe('a link to an entry that loses its wire under a film (L-07, C-05)', () => {
  it('goes on over another at once, and is the same link', async () => {
    const { ways, link, kill, settle, kinds, received, closed } = await opened()
    ways.websocket.refuses = true
    const before = received.length
    kill('websocket')
    expect(link.open).toBe(true)
    await settle(200)
    expect(kinds()).toEqual(['webrtc'])
    await settle(1_000)
    expect(received.length).toBeGreaterThan(before + 15)
    expect(closed).toEqual([])
  })

  it('leaves one that is silent within a second and the time to dial', async () => {
    const { ways, settle, kinds, received } = await opened()
    ways.websocket.silent = true
    ways.websocket.opensMs = undefined
    await settle(1_150)
    expect(kinds()?.[0]).toBe('webrtc')
    const before = received.length
    await settle(500)
    expect(received.length).toBeGreaterThan(before + 5)
  })

  it('lets go of what it does not need when the silent one answers again', async () => {
    const { ways, settle, kinds } = await opened()
    ways.websocket.silent = true
    ways.websocket.opensMs = undefined
    await settle(1_500)
    expect(kinds()).toEqual(['webrtc', 'websocket'])
    ways.websocket.silent = false
    await settle(60_000)
    expect(kinds()).toHaveLength(1)
  })

  it('is stuck while nothing opens, and has a way again within 5 s of its return', async () => {
    const { ways, neighbours, link, kill, settle, kinds, closed } = await opened()
    ways.websocket.refuses = true
    ways.webrtc.refuses = true
    kill('websocket')
    expect(neighbours.isStuck(link)).toBe(false)
    await settle(200)
    expect(neighbours.isStuck(link)).toBe(true)
    await settle(4_000)
    ways.webrtc.refuses = false
    await settle(5_000)
    expect(kinds()).toEqual(['webrtc'])
    expect(neighbours.isStuck(link)).toBe(false)
    expect(closed).toEqual([])
  })

  it('ends when nothing has opened for ten seconds, and dials no more', async () => {
    const { ways, neighbours, kill, settle, closed } = await opened()
    ways.websocket.refuses = true
    ways.webrtc.refuses = true
    kill('websocket')
    await settle(10_000)
    expect(closed).toEqual(['lost'])
    expect(neighbours.list()).toEqual([])
    const { dialled } = ways.websocket
    await settle(60_000)
    expect(ways.websocket.dialled).toBe(dialled)
  })

  it('ends at once when the relay says so', async () => {
    const { ways, kill, closed, settle } = await opened()
    const { dialled } = ways.websocket
    kill('websocket', 'shutdown')
    await settle(1_000)
    expect(closed).toEqual(['shutdown'])
    expect(ways.websocket.dialled).toBe(dialled)
  })

  it('tells of each change', async () => {
    const { states, kill, settle } = await opened()
    states.length = 0
    kill('websocket')
    await settle(100)
    expect(states[0]).toBe('redialling')
    expect(states.at(-1)).toBe('open')
  })
})
