import { describe, expect, it } from 'vitest'
import {
  type AppState,
  commandsFor,
  filmOf,
  initialState,
  primaryOf,
  problemOf,
  reduce,
  stageOf,
  standbyOf,
} from './app-state.ts'
import type { OpenRequest } from './intents.ts'
import { buildingCircuit, circuit, scenes, torrent, view } from './views.fixture.ts'

const sample: OpenRequest = { kind: 'sample' }
const magnet: OpenRequest = { kind: 'magnet', uri: 'magnet:?xt=urn:btih:00', name: undefined }
const stateAfter = (state: AppState, ...actions: Parameters<typeof reduce>[1][]) =>
  actions.reduce(reduce, state)
const started = stateAfter(initialState(3), { type: 'view', view: scenes.start })
const watching = stateAfter(
  started,
  { type: 'open', request: sample },
  { type: 'view', view: scenes.playing },
  { type: 'playing', url: '/media/fixture/0' },
)

describe('opening and stopping (W-01)', () => {
  it('tells the engine nothing when somebody wants to read about going direct (C-09)', () => {
    expect(commandsFor(watching, { type: 'go-direct' })).toEqual([])
    expect(reduce(watching, { type: 'go-direct' })).toBe(watching)
  })

  it('opens the sample, a magnet and a file', () => {
    expect(commandsFor(started, { type: 'open', request: sample })).toEqual([{ type: 'open-sample' }])
    expect(commandsFor(started, { type: 'open', request: magnet })).toEqual([
      { type: 'open-magnet', uri: magnet.uri },
    ])
    const file = new Uint8Array([100])
    expect(
      commandsFor(started, { type: 'open', request: { kind: 'torrent', file, name: 'a.torrent' } }),
    ).toEqual([{ type: 'open-torrent', file }])
  })

  it('closes what was open first', () => {
    expect(commandsFor(watching, { type: 'open', request: magnet })[0]).toEqual({ type: 'close-torrent' })
    const next = reduce(watching, { type: 'open', request: magnet })
    expect(next).toMatchObject({ request: magnet, playingUrl: undefined })
  })

  it('stops, and stays stopped though the engine still shows the torrent', () => {
    expect(commandsFor(watching, { type: 'stop' })).toEqual([{ type: 'close-torrent' }])
    const stopped = stateAfter(watching, { type: 'stop' }, { type: 'view', view: scenes.playing })
    expect(stopped.request).toBeUndefined()
  })

  it('selects another file, which has yet to play', () => {
    const next = reduce(watching, { type: 'select-file', index: 2 })
    expect(stageOf(next)).toBe('filling')
    expect(commandsFor(watching, { type: 'select-file', index: 2 })).toEqual([
      { type: 'select-file', index: 2 },
    ])
  })
})

describe('hops (C-03)', () => {
  it('tells the engine once', () => {
    expect(commandsFor(started, { type: 'set-hops', hops: 2 })).toEqual([{ type: 'set-hops', hops: 2 }])
    const two = reduce(started, { type: 'set-hops', hops: 2 })
    expect(two.hops).toBe(2)
    expect(commandsFor(two, { type: 'set-hops', hops: 2 })).toEqual([])
  })
})

describe('stages on the way to the first picture (W-08)', () => {
  const opened = stateAfter(initialState(3), { type: 'open', request: sample })
  const at = (shown: ReturnType<typeof view>) => stageOf(reduce(opened, { type: 'view', view: shown }))

  it.each([
    ['reaching-relay', scenes.cold],
    ['building', scenes.building],
    ['building', view({ circuits: [] })],
    ['finding-peers', scenes.start],
    ['finding-peers', scenes.finding],
    ['fetching-metadata', view({ torrent: torrent(0, { state: 'fetching-metadata', files: [] }) })],
    ['choosing', view({ torrent: torrent(0.1, { selected: undefined }) })],
    ['filling', scenes.playing],
  ] as const)('%s', (stage, shown) => {
    expect(at(shown)).toBe(stage)
  })

  it('starts before the engine has said anything', () => {
    expect(stageOf(opened)).toBe('starting')
  })

  it('plays on while a lost circuit is replaced (C-05)', () => {
    expect(stageOf(watching)).toBe('playing')
    expect(stageOf(reduce(watching, { type: 'view', view: scenes.replaced }))).toBe('playing')
  })

  it('offers a player only to what plays', () => {
    expect(filmOf(torrent(0.5, { selected: 2 }))).toBeUndefined()
    expect(filmOf(torrent(0.5, { selected: 99 }))).toBeUndefined()
    expect(filmOf(scenes.playing.torrent)?.name).toBe('slow-water.mp4')
  })
})

describe('circuits shown (W-05)', () => {
  it('prefers the ready primary to the one being built, and neither to one that closes', () => {
    const closing = circuit(3, { id: 1, state: 'closing' })
    const building = buildingCircuit(1, { id: 2 })
    const ready = circuit(3, { id: 3 })
    expect(primaryOf(view({ circuits: [closing, building, ready] }))?.id).toBe(3)
    expect(primaryOf(view({ circuits: [closing, building] }))?.id).toBe(2)
    expect(primaryOf(view({ circuits: [closing] }))).toBeUndefined()
    expect(primaryOf(undefined)).toBeUndefined()
  })

  it('finds the standby', () => {
    expect(standbyOf(scenes.start)?.id).toBe(2)
    expect(standbyOf(scenes.building)).toBeUndefined()
  })
})

describe('problems (N-06)', () => {
  const trouble = stateAfter(
    initialState(3),
    { type: 'open', request: magnet },
    { type: 'view', view: scenes.noPeers },
  )

  it('shows the engine’s, and the page’s own before it', () => {
    expect(problemOf(started)).toBeUndefined()
    expect(problemOf(trouble)).toBe('no-peers')
    expect(problemOf(reduce(trouble, { type: 'report', code: 'not-playable' }))).toBe('not-playable')
  })

  it('tries the same thing again, without the old words meanwhile', () => {
    const retry = { type: 'remedy', action: 'retry' } as const
    expect(commandsFor(trouble, retry)).toEqual([
      { type: 'close-torrent' },
      { type: 'open-magnet', uri: magnet.uri },
    ])
    const retried = stateAfter(trouble, retry, { type: 'view', view: scenes.noPeers })
    expect(problemOf(retried)).toBeUndefined()
    expect(retried.request).toBe(magnet)
    const again = stateAfter(
      retried,
      { type: 'view', view: scenes.finding },
      { type: 'view', view: scenes.noPeers },
    )
    expect(problemOf(again)).toBe('no-peers')
  })

  it('asks for a circuit alone where the way is at fault, and keeps what plays', () => {
    const lost = reduce(watching, { type: 'view', view: view({ ...scenes.noRelay, torrent: torrent(0.4) }) })
    const retry = { type: 'remedy', action: 'retry' } as const
    expect(commandsFor(lost, retry)).toEqual([{ type: 'new-circuit' }])
    expect(stageOf(reduce(lost, retry))).toBe('playing')
  })

  it('asks for a circuit when nothing is open to retry', () => {
    expect(commandsFor(started, { type: 'remedy', action: 'retry' })).toEqual([{ type: 'new-circuit' }])
  })

  it('goes back to the start to choose another', () => {
    const another = { type: 'remedy', action: 'choose-another' } as const
    expect(reduce(trouble, another).request).toBeUndefined()
    expect(commandsFor(trouble, another)).toEqual([{ type: 'close-torrent' }])
  })

  it('goes back to the start when a link cannot be read, and says so there', () => {
    const refused = view({ problem: { code: 'magnet-malformed', detail: 'no topic' } })
    const state = stateAfter(started, { type: 'open', request: magnet }, { type: 'view', view: refused })
    expect(state.request).toBeUndefined()
    expect(problemOf(state)).toBe('magnet-malformed')
    const next = stateAfter(state, { type: 'open', request: sample }, { type: 'view', view: refused })
    expect(next.request).toBe(sample)
    expect(problemOf(next)).toBeUndefined()
  })

  it('says of every film that nothing can be played here, until it is put aside (W-10)', () => {
    const action = { type: 'broken', code: 'media-unavailable' } as const
    const broken = stateAfter(started, action, { type: 'open', request: sample })
    expect(problemOf(broken)).toBe('media-unavailable')
    const aside = stateAfter(broken, { type: 'dismiss-problem' }, { type: 'view', view: scenes.finding })
    expect(problemOf(aside)).toBeUndefined()
    expect(problemOf(reduce(aside, { type: 'open', request: magnet }))).toBe('media-unavailable')
  })

  it.each([{ type: 'remedy', action: 'choose-file' }, { type: 'dismiss-problem' }] as const)(
    'puts the page’s own problem aside by $type, and not the engine’s that it stands before',
    (intent) => {
      const refused = reduce(trouble, { type: 'report', code: 'save-refused' })
      expect(problemOf(refused)).toBe('save-refused')
      const after = reduce(refused, intent)
      expect(problemOf(after)).toBe('no-peers')
      // Nor is a film asked for anew that cannot be played.
      expect(after.attempt).toBe(trouble.attempt)
      expect(problemOf(reduce(after, { type: 'dismiss-problem' }))).toBeUndefined()
    },
  )

  it('puts a problem aside', () => {
    expect(problemOf(reduce(trouble, { type: 'dismiss-problem' }))).toBeUndefined()
  })
})
