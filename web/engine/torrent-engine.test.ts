import { EventEmitter } from 'node:events'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { NO_PEERS_MS } from './limits.ts'
import { TorrentEngine } from './torrent-engine.ts'

const { swarm } = vi.hoisted(() => ({
  swarm: {
    peers: 0,
    trackersAsked: 0,
    dhtAsked: 0,
    fails: (_error: Error) => {},
    /** Its metadata has come. */
    ready: (_files: readonly { readonly name: string; readonly here: boolean }[]) => {},
  },
}))

vi.mock('webtorrent', () => ({
  default: class extends EventEmitter {
    destroyed = false
    dht = { lookup: () => swarm.dhtAsked++ }
    add() {
      const torrent = Object.assign(new EventEmitter(), {
        infoHash: 'ab'.repeat(20),
        files: [] as object[],
        pieces: [],
        destroyed: false,
        discovery: { tracker: { start: () => swarm.trackersAsked++ } },
      })
      swarm.fails = (error) => torrent.emit('error', error)
      swarm.ready = (files) => {
        const bitfield = { get: (index: number) => files[index]?.here ?? false }
        const file = { length: 10, select: () => {}, deselect: () => {} }
        const pieces = files.map(() => null)
        Object.assign(torrent, { ready: true, bitfield, pieces, pieceLength: 10, length: 10 * files.length })
        torrent.files = files.map(({ name }, i) => ({
          ...file,
          name,
          offset: 10 * i,
          _startPiece: i,
          _endPiece: i,
        }))
        torrent.emit('ready')
      }
      return Object.defineProperty(torrent, 'numPeers', { get: () => swarm.peers })
    }
    destroy() {
      this.destroyed = true
    }
  },
}))

const MAGNET = `magnet:?xt=urn:btih:${'ab'.repeat(20)}`
let wayOut: boolean
let engine: TorrentEngine

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  Object.assign(swarm, { peers: 0, trackersAsked: 0, dhtAsked: 0 })
  wayOut = true
  engine = new TorrentEngine({
    tunnel: {} as Tunnel,
    site: { lab: false, dht: [] },
    wayOut: () => wayOut,
    onChange: () => {},
  })
  await engine.open({ kind: 'magnet', uri: MAGNET })
  return () => {
    engine.close()
    vi.useRealTimers()
  }
})

describe('a swarm in which nobody answers (N-06)', () => {
  it('is told of after a while, and no more when somebody does', () => {
    vi.advanceTimersByTime(NO_PEERS_MS - 1_000)
    expect(engine.problem).toBeUndefined()
    vi.advanceTimersByTime(2_000)
    expect(engine.problem?.code).toBe('no-peers')
    swarm.peers = 1
    vi.advanceTimersByTime(1_000)
    expect(engine.problem).toBeUndefined()
  })

  it('is not blamed while no circuit leads to it, and then has all its time', () => {
    wayOut = false
    vi.advanceTimersByTime(5 * NO_PEERS_MS)
    expect(engine.problem).toBeUndefined()
    wayOut = true
    vi.advanceTimersByTime(NO_PEERS_MS - 1_000)
    expect(engine.problem).toBeUndefined()
    vi.advanceTimersByTime(2_000)
    expect(engine.problem?.code).toBe('no-peers')
  })
})

describe('the search for peers of a torrent that has none (W-01, C-05, C-07)', () => {
  const pass = (seconds: number) => vi.advanceTimersByTime(seconds * 1_000)
  /** Trackers and the DHT are asked together, or neither. */
  const asked = () => {
    expect(swarm.dhtAsked).toBe(swarm.trackersAsked)
    return swarm.trackersAsked
  }
  const changeCircuit = async () => {
    engine.circuitChanged()
    await Promise.resolve()
  }

  it('is repeated over the same circuit in pauses that grow, and begins anew after peers were there', () => {
    pass(59)
    expect(asked()).toBe(0)
    pass(2)
    expect(asked()).toBe(1)
    pass(130)
    expect(asked()).toBe(2)
    pass(3_600)
    expect(asked()).toBe(7)
    swarm.peers = 1
    pass(3_600)
    expect(asked()).toBe(7)
    swarm.peers = 0
    pass(62)
    expect(asked()).toBe(8)
  })

  it('is made over another circuit as soon as it serves, at most once in half a minute', async () => {
    pass(40)
    await changeCircuit()
    expect(asked()).toBe(1)
    pass(1)
    await changeCircuit()
    pass(27)
    expect(asked()).toBe(1)
    pass(3)
    expect(asked()).toBe(2)
  })

  it('is made over another circuit that took the peers with it', async () => {
    swarm.peers = 3
    pass(100)
    await changeCircuit()
    expect(asked()).toBe(0)
    swarm.peers = 0
    pass(1)
    expect(asked()).toBe(1)
  })

  it('waits for a circuit that leads out, and then is made at once, where none was there at first as well', async () => {
    wayOut = false
    await changeCircuit()
    pass(1_000)
    expect(asked()).toBe(0)
    wayOut = true
    await changeCircuit()
    expect(asked()).toBe(1)
    wayOut = false
    await engine.open({ kind: 'magnet', uri: MAGNET })
    pass(10)
    expect(asked()).toBe(1)
    wayOut = true
    await changeCircuit()
    expect(asked()).toBe(2)
  })

  it('is left to WebTorrent where a circuit stood ready when it was opened', async () => {
    await engine.open({ kind: 'magnet', uri: MAGNET })
    pass(50)
    expect(asked()).toBe(0)
  })

  it('is over once the file is here, or the torrent closed', async () => {
    swarm.ready([{ name: 'film.mp4', here: true }])
    pass(2_000)
    await changeCircuit()
    expect(asked()).toBe(0)
    engine.close()
    await changeCircuit()
    pass(2_000)
    expect(asked()).toBe(0)
  })

  it('rests while none of the files is wanted, and is made once one is', async () => {
    swarm.ready([
      { name: 'one.bin', here: false },
      { name: 'two.bin', here: false },
    ])
    pass(2_000)
    await changeCircuit()
    expect(asked()).toBe(0)
    engine.select(1)
    pass(1)
    expect(asked()).toBe(1)
  })
})

describe('a torrent that there is no room for (N-06)', () => {
  it.each(['storage-full', 'memory-full'])('is told of as %s', (code) => {
    swarm.fails(new CulvertError(code, 'no room'))
    expect(engine.problem).toEqual({ code, detail: 'no room' })
  })
})
