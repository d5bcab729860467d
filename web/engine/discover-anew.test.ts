import { describe, expect, it } from 'vitest'
import type WebTorrent from 'webtorrent'
import type { Torrent } from 'webtorrent'
import { discoverAnew, SearchPace } from './discover-anew.ts'
import { SEARCH_LEAST_MS, SEARCH_PAUSE_MOST_MS } from './limits.ts'

function world(torrentIs: Partial<Torrent>) {
  const did: string[] = []
  const client = { dht: { lookup: (infoHash: string) => did.push(`lookup ${infoHash}`) } }
  const discovery = { destroy: () => did.push('destroy'), tracker: { start: () => did.push('announce') } }
  const torrent = {
    destroyed: false,
    numPeers: 0,
    infoHash: 'ab',
    discovery,
    _startDiscovery: () => did.push('another discovery'),
    ...torrentIs,
  }
  discoverAnew(client as unknown as WebTorrent, torrent as unknown as Torrent)
  return { did, torrent, discovery }
}

describe('a search anew (W-01, C-07)', () => {
  it('asks trackers and the DHT once each, by what WebTorrent has for it: no other is made, none is taken leave of', () => {
    const { did, torrent, discovery } = world({})
    expect(did).toEqual(['announce', 'lookup ab'])
    expect(torrent.discovery).toBe(discovery)
  })

  it('names a private torrent to its trackers alone', () => {
    expect(world({ private: true }).did).toEqual(['announce'])
  })

  it('asks the DHT where there are no trackers', () => {
    expect(world({ discovery: { tracker: null } }).did).toEqual(['lookup ab'])
  })

  it.each([
    ['has peers', { numPeers: 1 }],
    ['is closed', { destroyed: true }],
    ['has not begun to look', { discovery: null }],
  ])('leaves a torrent alone that %s', (_, torrent) => {
    expect(world(torrent as Partial<Torrent>).did).toEqual([])
  })
})

describe('the pace of searches (W-01, C-05, C-07)', () => {
  /** The seconds, of those from `from` on, at which a search is due, asked each second. */
  const dueSeconds = (pace: SearchPace, from: number, to: number) => {
    const due: number[] = []
    for (let s = from; s <= to; s++) if (pace.due(s * 1_000)) due.push(s)
    return due
  }

  it('grows from a minute to a quarter of an hour while there are no peers', () => {
    const pace = new SearchPace(0, true)
    expect(dueSeconds(pace, 0, 3_700)).toEqual([60, 180, 420, 900, 1_800, 2_700, 3_600])
    expect(SEARCH_PAUSE_MOST_MS).toBe(900_000)
  })

  it('begins anew after peers have been there, and when they are gone', () => {
    const pace = new SearchPace(0, true)
    expect(dueSeconds(pace, 0, 500)).toEqual([60, 180, 420])
    pace.met(600_000)
    expect(dueSeconds(pace, 601, 800)).toEqual([660, 780])
  })

  it('has the first search at once where there was no circuit before, the next like any other', () => {
    const pace = new SearchPace(0, false)
    expect(dueSeconds(pace, 5, 300)).toEqual([5, 65, 185])
  })

  it('has one as soon as another circuit serves, whatever pause there was, and after it goes on as it was', () => {
    const pace = new SearchPace(0, true)
    expect(dueSeconds(pace, 0, 460)).toEqual([60, 180, 420])
    pace.circuitChanged()
    expect(dueSeconds(pace, 461, 1_000)).toEqual([461, 941])
  })

  it('has none within half a minute of another, however often circuits change', () => {
    const pace = new SearchPace(0, false)
    const due: number[] = []
    for (let s = 0; s <= 100; s++) {
      pace.circuitChanged()
      due.push(...dueSeconds(pace, s, s))
    }
    expect(due).toEqual([0, 30, 60, 90])
    expect(SEARCH_LEAST_MS).toBe(30_000)
  })
})
