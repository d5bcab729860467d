import { EventEmitter } from 'node:events'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { NO_PEERS_MS } from './limits.ts'
import { TorrentEngine } from './torrent-engine.ts'

const { swarm } = vi.hoisted(() => ({ swarm: { peers: 0, fails: (_error: Error) => {} } }))

vi.mock('webtorrent', () => ({
  default: class extends EventEmitter {
    destroyed = false
    add() {
      const torrent = Object.assign(new EventEmitter(), { files: [], pieces: [], destroyed: false })
      swarm.fails = (error) => torrent.emit('error', error)
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
  swarm.peers = 0
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

describe('a torrent that there is no room for (N-06)', () => {
  it.each(['storage-full', 'memory-full'])('is told of as %s', (code) => {
    swarm.fails(new CulvertError(code, 'no room'))
    expect(engine.problem).toEqual({ code, detail: 'no room' })
  })
})
