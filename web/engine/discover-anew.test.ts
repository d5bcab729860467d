import { describe, expect, it } from 'vitest'
import type WebTorrent from 'webtorrent'
import type { Torrent } from 'webtorrent'
import { discoverAnew } from './discover-anew.ts'

function world(torrentIs: Partial<Torrent>) {
  const did: string[] = []
  const client = { dht: { lookup: (infoHash: string) => did.push(`lookup ${infoHash}`) } }
  const torrent = {
    destroyed: false,
    numPeers: 0,
    infoHash: 'ab',
    discovery: { destroy: () => did.push('destroy') },
    _startDiscovery() {
      did.push(`start with ${this.discovery}`)
    },
    ...torrentIs,
  }
  discoverAnew(client as unknown as WebTorrent, torrent as unknown as Torrent)
  return did
}

describe('discovery when a way out appears (W-01, C-07)', () => {
  it('ends the one that asked in vain, and begins another', () => {
    expect(world({})).toEqual(['destroy', 'start with null', 'lookup ab'])
  })

  it.each([
    ['has peers', { numPeers: 1 }],
    ['is closed', { destroyed: true }],
    ['has not begun to look', { discovery: null }],
  ])('leaves a torrent alone that %s', (_, torrent) => {
    expect(world(torrent as Partial<Torrent>)).toEqual([])
  })
})
