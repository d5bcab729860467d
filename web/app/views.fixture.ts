import type { PageCommand } from '../engine/engine-client.ts'
import type {
  CircuitView,
  EngineView,
  FileView,
  Hops,
  HopView,
  TorrentView,
  WayInView,
} from '../engine/protocol.ts'
import type { RelaysView } from '../engine/relays-protocol.ts'

/** Scripted views for tests and for looking at the page without an engine. Never part of the built app. */

const names = { entry: 'Marram', middle: 'Sallow', exit: 'Osier' } as const
const addresses = { entry: '127.0.0.12', middle: '127.0.0.15', exit: '127.0.0.18' } as const
const waits = { entry: 8, middle: 21, exit: 34 } as const

export function hop(role: HopView['role'], state: HopView['state'] = 'proven'): HopView {
  return {
    role,
    name: names[role],
    address: addresses[role],
    state,
    latencyMs: state === 'proven' ? waits[role] : undefined,
  }
}

function rolesOf(hops: Hops): readonly HopView['role'][] {
  return hops === 1 ? ['exit'] : hops === 2 ? ['entry', 'exit'] : ['entry', 'middle', 'exit']
}

export function circuit(hops: Hops, over: Partial<CircuitView> = {}): CircuitView {
  return {
    id: 1,
    role: 'primary',
    state: 'ready',
    hops: rolesOf(hops).map((role) => hop(role)),
    latencyMs: 42,
    ageSeconds: 73,
    ...over,
  }
}

export function buildingCircuit(done: number, over: Partial<CircuitView> = {}): CircuitView {
  const states = (index: number): HopView['state'] =>
    index < done ? 'proven' : index === done ? 'extending' : 'waiting'
  return circuit(3, {
    state: 'building',
    latencyMs: undefined,
    ageSeconds: 0,
    hops: rolesOf(3).map((role, index) => hop(role, states(index))),
    ...over,
  })
}

export const files: readonly FileView[] = [
  {
    index: 0,
    name: 'slow-water.mp4',
    bytes: 7_120_000,
    kind: 'video',
    url: '/media/fixture/0',
  },
  { index: 1, name: 'slow-water.en.vtt', bytes: 1_840, kind: 'subtitles', url: '/media/fixture/1' },
  { index: 2, name: 'read-me.txt', bytes: 912, kind: 'other', url: '/media/fixture/2' },
]

export function way(over: Partial<WayInView> = {}): WayInView {
  return {
    name: names.entry,
    kind: 'websocket',
    onion: false,
    introducedBy: '',
    state: 'open',
    latencyMs: waits.entry,
    ageSeconds: 340,
    ...over,
  }
}

const ways = [way(), way({ name: 'Alder', kind: 'webrtc', introducedBy: names.entry, latencyMs: 31 })]

/** Pieces as a download leaves them: a solid beginning, a few in flight, some ahead where the viewer sought to. */
export function pieces(count: number, share: number): Uint8Array {
  const map = new Uint8Array(count)
  const solid = Math.floor(count * share * 0.85)
  map.fill(2, 0, solid)
  for (let i = solid; i < Math.min(count, solid + Math.max(2, count * 0.03)); i += 1) map[i] = 1
  for (let i = 0; i < count * share * 0.15; i += 1) map[(solid + 7 + i * 13) % count] = 2
  return map
}

export function torrent(share: number, over: Partial<TorrentView> = {}): TorrentView {
  const bytes = 7_122_752
  return {
    name: 'Slow Water',
    state: share >= 1 ? 'done' : 'downloading',
    files,
    fileCount: (over.files ?? files).length,
    selected: 0,
    pieces: share >= 1 ? new Uint8Array(435).fill(2) : pieces(435, share),
    bytes,
    bytesHere: Math.floor(bytes * share),
    bytesPerSecondDown: share >= 1 ? 0 : 1_840_000,
    bytesPerSecondUp: 12_000,
    peers: 4,
    etaSeconds: share >= 1 ? 0 : 12,
    swarmSees: addresses.exit,
    ...over,
  }
}

export function view(over: Partial<EngineView> = {}): EngineView {
  return {
    entry: { state: 'open', name: names.entry, relays: 6, exits: 2, needed: 3, ways },
    hops: 3,
    circuits: [circuit(3), circuit(3, { id: 2, role: 'standby' })],
    torrent: undefined,
    sample: {
      title: 'Slow Water',
      description: 'A minute and a half under the hill, where a stream finds its way to the light.',
      bytes: 7_120_000,
      seconds: 92,
    },
    lab: true,
    problem: undefined,
    ...over,
  }
}

/** The views that a visitor meets, by name. */
export const scenes = {
  start: view(),
  cold: view({
    entry: { state: 'connecting', name: '', relays: 0, exits: 0, needed: 3, ways: [] },
    circuits: [],
  }),
  building: view({ circuits: [buildingCircuit(1)] }),
  finding: view({
    torrent: torrent(0, {
      state: 'finding-peers',
      files: [],
      selected: undefined,
      peers: 0,
      pieces: new Uint8Array(),
      bytes: 0,
    }),
  }),
  choosing: view({ torrent: torrent(0, { selected: undefined }) }),
  playing: view({ torrent: torrent(0.46) }),
  done: view({ torrent: torrent(1) }),
  hiddenOff: view({ torrent: torrent(1, { hidden: { state: 'off', introductionPoints: 0, peers: 0 } }) }),
  hiddenOn: view({ torrent: torrent(1, { hidden: { state: 'seeding', introductionPoints: 3, peers: 1 } }) }),
  hiddenLooking: view({
    torrent: torrent(0.46, { hidden: { state: 'looking', introductionPoints: 0, peers: 0 } }),
  }),
  replaced: view({
    circuits: [buildingCircuit(2, { id: 3 }), circuit(3, { id: 2, role: 'standby', state: 'building' })],
    torrent: torrent(0.46, { swarmSees: undefined, bytesPerSecondDown: 0 }),
  }),
  otherWays: view({
    entry: {
      state: 'open',
      name: names.entry,
      relays: 6,
      exits: 2,
      needed: 3,
      ways: [way({ state: 'reconnecting' }), way({ name: 'Alder', state: 'lost' })],
    },
    torrent: torrent(0.46),
  }),
  noRelay: view({
    entry: { state: 'lost', name: '', relays: 0, exits: 0, needed: 3, ways: [] },
    circuits: [],
    problem: { code: 'no-relay', detail: 'no entry relay answered' },
  }),
  noPeers: view({
    torrent: torrent(0, {
      state: 'finding-peers',
      files: [],
      selected: undefined,
      peers: 0,
      pieces: new Uint8Array(),
      bytes: 0,
    }),
    problem: { code: 'no-peers', detail: 'no peer answered' },
  }),
  many: view({
    torrent: torrent(0.31, {
      name: 'Field.Recordings.of.Rivers.and.Other.Moving.Water.Complete.Series.1080p.x264',
      bytes: 41_300_000_000,
      bytesHere: 12_803_000_000,
      etaSeconds: 9_100,
      peers: 38,
      pieces: pieces(20_000, 0.31),
      files: Array.from({ length: 24 }, (_, index) => ({
        index,
        name: `Season 1/Field.Recordings.of.Rivers.S01E${String(index + 1).padStart(2, '0')}.1080p.mp4`,
        bytes: 1_720_000_000 + index * 1_000_000,
        kind: 'video' as const,
        url: `/media/fixture/${index}`,
      })),
    }),
  }),
} as const satisfies Record<string, EngineView>

export type SceneName = keyof typeof scenes

/** Stands where the engine client stands; shows what it is given and keeps what it is told. */
export class FixtureEngine {
  readonly sent: PageCommand[] = []
  private listener: ((view: EngineView) => void) | undefined
  private relayListener: ((relays: RelaysView) => void) | undefined
  private saveListener: (() => void) | undefined
  private last: EngineView

  constructor(first: EngineView) {
    this.last = first
  }

  async start(_hops: Hops): Promise<void> {
    this.show(this.last)
  }

  send(command: PageCommand): void {
    this.sent.push(command)
  }

  onView(listener: (view: EngineView) => void): () => void {
    this.listener = listener
    return () => {
      this.listener = undefined
    }
  }

  onRelays(listener: (relays: RelaysView) => void): () => void {
    this.relayListener = listener
    return () => {
      this.relayListener = undefined
    }
  }

  onSaveRefused(listener: () => void): () => void {
    this.saveListener = listener
    return () => {
      this.saveListener = undefined
    }
  }

  refuseSave(): void {
    this.saveListener?.()
  }

  show(next: EngineView): void {
    this.last = next
    this.listener?.(next)
  }

  showRelays(next: RelaysView): void {
    this.relayListener?.(next)
  }
}
