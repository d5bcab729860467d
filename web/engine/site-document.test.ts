import { describe, expect, it } from 'vitest'
import { CulvertError } from '../../shared/bytes/error.ts'
import { readSiteDocument, type SiteDocument } from './site-document.ts'

const document: SiteDocument = {
  network: 'lab',
  community: 'a3591a6bd89bbaca0974062a1287afcfbc6fd6bc',
  lab: true,
  entry: { publicKey: 'ab'.repeat(74), websocket: '/relay' },
  networkPrefixBits: 32,
  dht: ['127.0.0.22:6881', 'router.example.net:6881'],
  relayTrackers: ['udp://127.0.0.22:6969', 'http://tracker.example.net/announce'],
  minRelays: 3,
  overlay: 'degraded',
  sample: { title: 'A film', description: '', bytes: 7, seconds: 80, torrent: '/sample.torrent' },
}

/** A copy through JSON, as it comes, with one field replaced. */
function withField(path: string, value: unknown): unknown {
  const copy: Record<string, unknown> = JSON.parse(JSON.stringify(document))
  const [first = '', second] = path.split('.')
  if (second === undefined) copy[first] = value
  else (copy[first] as Record<string, unknown>)[second] = value
  return copy
}

describe("a gateway's document", () => {
  it('comes out as it went in', () => {
    expect(readSiteDocument(JSON.parse(JSON.stringify(document)))).toEqual(document)
    expect(readSiteDocument(withField('sample', undefined)).sample).toBeUndefined()
    expect(readSiteDocument(withField('lab', 'yes')).lab).toBe(false)
  })

  it('may name further ways to its relay', () => {
    const ways = ['wss://alder.example.net/relay', 'webrtc+ws://127.0.0.12:8080/relay']
    expect(readSiteDocument(withField('entry.ways', ways)).entry.ways).toEqual(ways)
    const wrong = [
      'tcp://127.0.0.12:1',
      'webrtc+tcp://127.0.0.12:1/relay',
      'ws://a.example/other',
      7,
      'ws:///relay x',
    ]
    for (const way of [...wrong, `ws://${'a'.repeat(250)}/relay`]) {
      expect(() => readSiteDocument(withField('entry.ways', [way]))).toThrow(/entry\.ways\[0\]/)
    }
    expect(() => readSiteDocument(withField('entry.ways', Array(9).fill(ways[0])))).toThrow(/at most 8/)
  })

  it('of an older gateway is of a network of strangers that was joined (N-06, N-07)', () => {
    expect(readSiteDocument(withField('minRelays', undefined)).minRelays).toBe(20)
    expect(readSiteDocument(withField('overlay', undefined)).overlay).toBe('joined')
    expect(readSiteDocument(withField('relayTrackers', undefined)).relayTrackers).toEqual([])
  })

  it.each([
    ['network', ''],
    ['community', 'A3591a6bd89bbaca0974062a1287afcfbc6fd6bc'],
    ['community', 'a359'],
    ['entry', null],
    ['entry.publicKey', 'ab'.repeat(73)],
    ['entry.websocket', 'wss://elsewhere.example/relay'],
    ['entry.websocket', '//elsewhere.example/relay'],
    ['entry.websocket', '/\\elsewhere.example/relay'],
    ['networkPrefixBits', 33],
    ['networkPrefixBits', '16'],
    ['minRelays', 0],
    ['minRelays', 1001],
    ['minRelays', '20'],
    ['overlay', 'JOINED'],
    ['overlay', true],
    ['dht', 'router.example.net:6881'],
    ['dht', ['no port']],
    ['dht', Array(17).fill('a:1')],
    ['relayTrackers', 'udp://127.0.0.22:6969'],
    ['relayTrackers', ['wss://tracker.example.net']],
    ['relayTrackers', [`http://${'a'.repeat(300)}`]],
    ['relayTrackers', Array(17).fill('udp://a:1')],
    ['sample', []],
    ['sample.title', 7],
    ['sample.bytes', -1],
    ['sample.seconds', 0.5],
    ['sample.torrent', 'https://elsewhere.example/x.torrent'],
  ])('is refused with the field at fault: %s %j', (path, value) => {
    const read = () => readSiteDocument(withField(path, value))
    expect(read).toThrow(CulvertError)
    expect(read).toThrow(path)
  })

  it.each([null, undefined, 7, 'x', []])('is refused when it is no object: %j', (value) => {
    expect(() => readSiteDocument(value)).toThrow(CulvertError)
  })
})
