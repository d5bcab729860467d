import { describe, expect, it } from 'vitest'
import { toHex } from '../../shared/bytes/bytes.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import { VOLUNTEER_LIMITS } from '../../shared/link/bridge-limits.ts'
import { parseControl } from '../../shared/link/control.ts'
import { parseLinkAddress } from '../../shared/link/link-address.ts'
import type { Neighbour } from '../../shared/link/neighbour.ts'
import { OFFER } from '../../shared/link/session-description.fixture.ts'
import { PlayedChannel, PlayedSession, world } from '../link/bridge.fixture.ts'
import type { VolunteerState } from '../link/bridge-volunteer.ts'
import { PageBridge } from './page-bridge.ts'
import type { SiteDocument } from './site-document.ts'
import { NO_VOLUNTEER, readVolunteer } from './volunteer-store.ts'

const ORIGIN = 'http://alder.example'

async function page(kept?: VolunteerState) {
  const state = { kept }
  const held = { byAnother: false, released: 0 }
  const { clock, counters, random } = world()
  const { publicKey } = KeyPair.generate(random)
  const posts: string[] = []
  const channels: PlayedChannel[] = []
  const saved: VolunteerState[] = []
  let hurried = 0
  const bridge = await PageBridge.open({
    clock,
    counters,
    origin: ORIGIN,
    site: {
      network: 'test',
      lab: true,
      entry: { publicKey: toHex(publicKey.bytes), websocket: '/relay' },
    } as unknown as SiteDocument,
    openChannel: (request) => {
      const channel = new PlayedChannel(request)
      channels.push(channel)
      return channel.port
    },
    webSocket: undefined,
    fetcher: async (url, init) => {
      posts.push(`${init?.method} ${url} ${init?.credentials}`)
      return new Response('{"error":"bridge-nobody"}', { status: 503 })
    },
    store: {
      load: async () => state.kept,
      save: async (kept) => {
        saved.push(kept)
      },
    },
    alone: (_name, told) => {
      if (held.byAnother) told.refused()
      else told.taken()
      return () => {
        held.released++
      }
    },
    changed: () => {},
  })
  bridge.attach({
    status: () => ({ problem: 'no-relay' }) as never,
    hurry: () => {
      hurried++
    },
    entryAddresses: { introducerAt: () => undefined } as never,
  })
  const dialler = bridge.dialler({
    clock,
    counters,
    random,
    network: 'test',
    keyFor: () => KeyPair.generate(random),
  })
  const told: number[] = []
  /** A link with the site's relay, over a wire of this kind. */
  const neighbourBy = (kind: string) =>
    ({
      status: 'open',
      wires: [{ kind }],
      send: (packet: Uint8Array) => {
        const control = parseControl(packet)
        if (control.type === 'places') told.push(control.places)
      },
      close: () => told.push(-1),
    }) as unknown as Neighbour
  const link = (neighbour: Neighbour | undefined) =>
    bridge.linksChanged((key) => (key.equals(publicKey) ? neighbour : undefined))
  const address = parseLinkAddress('ws://alder.example/relay')
  return {
    ...{ bridge, clock, posts, channels, saved, told, neighbourBy, link, held, state },
    hurried: () => hurried,
    /** What the entry's links do again and again. */
    dial: async () => {
      if (!dialler.canDial(address)) return 'not taken'
      const end = dialler.dial({ address, publicKey }).then(
        () => 'linked',
        (error: { code: string }) => error.code,
      )
      await clock.advanceAsync(2_000)
      channels.at(-1)?.report({ type: 'description', sdp: OFFER })
      await clock.advanceAsync(3_000)
      return end
    },
  }
}

describe('the visitor’s word about other visitors’ pages (issue: volunteers)', () => {
  it('comes before anything is asked, and can be taken back', async () => {
    const { bridge, dial, posts, channels, hurried } = await page()
    expect(await dial()).toBe('not taken')
    expect(bridge.view().help).toEqual({ needed: true, agreed: false, progress: undefined })
    expect([posts, channels]).toEqual([[], []])
    bridge.receive({ type: 'bridge-agree', on: true })
    expect(hurried()).toBe(1)
    expect(await dial()).toBe('bridge-nobody')
    expect(posts).toEqual([`POST ${ORIGIN}/bridge omit`])
    expect(bridge.view().help.progress).toBe('nobody')
    bridge.receive({ type: 'bridge-agree', on: false })
    expect(await dial()).toBe('not taken')
    expect(posts).toHaveLength(1)
  })

  it('ends what was asked already when it is taken back', async () => {
    const { bridge, dial, posts, channels, clock } = await page()
    bridge.receive({ type: 'bridge-agree', on: true })
    clock.after(2_100, () => bridge.receive({ type: 'bridge-agree', on: false }))
    expect(await dial()).toBe('link-aborted')
    expect([posts, channels[0]?.closed]).toEqual([[], true])
  })

  it('is for this visit: nothing of it is kept', async () => {
    const { bridge, saved } = await page()
    bridge.receive({ type: 'bridge-agree', on: true })
    expect(saved).toEqual([])
  })

  it('ends the link through another’s page when it is taken back', async () => {
    const { bridge, link, neighbourBy, told } = await page()
    bridge.receive({ type: 'bridge-agree', on: true })
    link(neighbourBy('bridge'))
    expect(bridge.view().help.progress).toBe('linked')
    bridge.receive({ type: 'bridge-agree', on: false })
    expect(told).toEqual([-1])
  })

  it('makes a volunteer of the page, off at first, and is kept', async () => {
    const { bridge, clock, link, neighbourBy, told, saved } = await page()
    link(neighbourBy('websocket'))
    expect(told).toEqual([])
    bridge.receive({ type: 'volunteer', on: true })
    await clock.advanceAsync(1)
    expect(told).toEqual([3])
    expect(saved.at(-1)?.on).toBe(true)
    expect(bridge.view().volunteer).toMatchObject({ on: true, elsewhere: false, ready: true, people: 0 })
  })

  it('begins with what other tabs have passed on, and is one in one tab only', async () => {
    const { bridge, clock, held, state } = await page()
    bridge.receive({ type: 'volunteer', on: true })
    bridge.receive({ type: 'volunteer', on: false })
    await clock.advanceAsync(1)
    expect(bridge.view().volunteer.on).toBe(false)
    expect(held.released).toBe(1)
    state.kept = { ...NO_VOLUNTEER, day: Math.floor(clock.wall() / 86_400_000), bytes: 7_000 }
    bridge.receive({ type: 'volunteer', on: true })
    await clock.advanceAsync(1)
    expect(bridge.view().volunteer).toMatchObject({ on: true, bytesToday: 7_000 })
    bridge.receive({ type: 'volunteer', on: false })
    held.byAnother = true
    bridge.receive({ type: 'volunteer', on: true })
    await clock.advanceAsync(1)
    expect(bridge.view().volunteer).toMatchObject({ on: false, elsewhere: true })
  })

  it('makes none of a page that is itself passed on, or that another than the site’s relay calls', async () => {
    const { bridge, link, neighbourBy, told } = await page({ ...NO_VOLUNTEER, on: true })
    const relay = neighbourBy('bridge')
    link(relay)
    expect(told).toEqual([])
    expect(bridge.called(new PlayedSession(), relay)).toBe('signal-full')
    const other = neighbourBy('websocket')
    expect(bridge.called(new PlayedSession(), other)).toBe('signal-off')
    link(other)
    expect(told).toEqual([3])
  })
})

describe('what is kept of a volunteer (issue: volunteers)', () => {
  it('is read with usual limits where it says none, and off even where it was on', () => {
    expect(readVolunteer({ on: true, limits: { people: 1 }, day: 5, bytes: 7 })).toEqual({
      on: false,
      limits: { ...VOLUNTEER_LIMITS, people: 1 },
      day: 5,
      bytes: 7,
    })
    expect(readVolunteer({ on: 'yes', limits: { people: -1, bytesPerDay: 'all' }, bytes: 1e99 })).toEqual(
      NO_VOLUNTEER,
    )
    for (const none of [undefined, null, 3, 'on']) expect(readVolunteer(none)).toBeUndefined()
  })
})
