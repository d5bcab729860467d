import type { ParsedTorrent } from 'parse-torrent'
import { describe, expect, it } from 'vitest'
import { checkSource } from '../engine/torrent-source.ts'
import { directTorrent, PUBLIC_TRACKERS } from './destinations.ts'

const HASH = 'ab'.repeat(20)

/** The link as it comes out, by parameter. */
async function through(parameters: readonly (readonly [string, string])[], lab = false) {
  const query = parameters.map(([name, value]) => `&${name}=${encodeURIComponent(value)}`).join('')
  const out = directTorrent(
    await checkSource({ kind: 'magnet', uri: `magnet:?xt=urn:btih:${HASH}${query}` }),
    lab,
  )
  const fields = new URLSearchParams(String(out).replace(/^magnet:\?/, ''))
  return {
    xt: fields.getAll('xt'),
    dn: fields.getAll('dn'),
    trackers: fields.getAll('tr').filter((tracker) => !PUBLIC_TRACKERS.includes(tracker)),
    added: fields.getAll('tr').filter((tracker) => PUBLIC_TRACKERS.includes(tracker)),
    seeds: fields.getAll('ws'),
    names: [...new Set([...fields.keys()])],
  }
}

const PRIVATE_HOSTS = [
  'localhost',
  'printer',
  'router.local',
  '127.0.0.1',
  '127.1',
  '0x7f.0.0.1',
  '2130706433',
  '0',
  '10.0.0.1',
  '172.16.3.4',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '[::1]',
  '[::ffff:192.168.1.1]',
  '[fe80::1]',
  '[fd00::1]',
]

describe('where direct mode lets WebTorrent go (C-09, W-03)', () => {
  it('leaves trackers by WebSocket and web seeds that are public, and the name', async () => {
    const found = await through([
      ['dn', 'A film & more'],
      ['tr', 'wss://tracker.example.org/announce'],
      ['tr', 'udp://tracker.example.org:6969'],
      ['tr', 'http://tracker.example.org/announce'],
      ['ws', 'https://seed.example.org/film.mp4'],
      ['ws', 'ftp://seed.example.org/film.mp4'],
    ])
    expect(found).toMatchObject({
      xt: [`urn:btih:${HASH}`],
      dn: ['A film & more'],
      trackers: ['wss://tracker.example.org/announce'],
      seeds: ['https://seed.example.org/film.mp4'],
    })
  })

  it.each(PRIVATE_HOSTS)('goes to no private place: %s', async (host) => {
    const found = await through([
      ['tr', `ws://${host}/`],
      ['tr', `wss://${host}:8443/announce`],
      ['ws', `http://${host}/film.mp4`],
      ['ws', `https://${host}:8443/film.mp4`],
    ])
    expect([found.trackers, found.seeds]).toEqual([[], []])
  })

  it('in the lab goes to loopback, and to nothing else that is private', async () => {
    const to = (host: string): [string, string][] => [
      ['tr', `ws://${host}:8000/`],
      ['ws', `http://${host}:8001/film.mp4`],
    ]
    expect(await through(to('127.0.0.9'), true)).toMatchObject({
      trackers: ['ws://127.0.0.9:8000/'],
      seeds: ['http://127.0.0.9:8001/film.mp4'],
      added: [],
    })
    for (const host of PRIVATE_HOSTS.filter((h) => !/^(127|0x7f|2130706433)/.test(h))) {
      const found = await through(to(host), true)
      expect([found.trackers, found.seeds]).toEqual([[], []])
    }
  })

  it('refuses passwords, and what is no address', async () => {
    const found = await through([
      ['ws', 'http://me:secret@seed.example.org/film.mp4'],
      ['ws', 'javascript:alert(1)'],
      ['ws', 'film.mp4'],
      ['tr', 'wss://'],
      ['tr', ''],
    ])
    expect([found.trackers, found.seeds]).toEqual([[], []])
  })

  it('asks no source of the torrent file, and no peer by address', async () => {
    const found = await through([
      ['xs', 'https://seed.example.org/film.torrent'],
      ['as', 'https://seed.example.org/film.torrent'],
      ['x.pe', '192.0.2.1:6881'],
      ['so', '0-1e12'],
    ])
    expect(found.names.sort()).toEqual(['tr', 'xt'])
  })

  it('adds the public trackers, which the gate tells of', async () => {
    expect((await through([])).added).toEqual(PUBLIC_TRACKERS)
    expect((await through([['tr', PUBLIC_TRACKERS[0] ?? '']])).added).toEqual(PUBLIC_TRACKERS)
  })

  it('does the same for a torrent file, and never tells of a private torrent (BEP 27)', () => {
    const parsed: ParsedTorrent = {
      infoHash: HASH,
      announce: ['ws://192.168.1.1/', 'wss://tracker.example.org/announce', 'udp://tracker.example.org:1'],
      urlList: ['http://127.0.0.1/a', 'https://seed.example.org/a'],
      length: 1,
      pieceLength: 1,
      pieces: ['aa'],
      files: [{ length: 1 }],
    }
    expect(directTorrent(parsed, false)).toEqual({
      ...parsed,
      announce: ['wss://tracker.example.org/announce', ...PUBLIC_TRACKERS],
      urlList: ['https://seed.example.org/a'],
    })
    expect(directTorrent({ ...parsed, private: true }, false)).toMatchObject({
      announce: ['wss://tracker.example.org/announce'],
    })
  })
})
