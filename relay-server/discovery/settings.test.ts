import { describe, expect, it } from 'vitest'
import { parseConfig } from '../config.ts'
import { DHT_ROUTERS } from './constants.ts'
import { announcedPort, intervalsOf, rounded, routersOf } from './settings.ts'

const of = (text: string) => parseConfig(text, 'relay.yaml')

describe('routers of the DHT (D-02, D-05)', () => {
  it('are the well-known ones and the operator’s own', () => {
    expect(routersOf(of(''))).toEqual(DHT_ROUTERS)
    const own = 'discovery:\n  dht:\n    routers: [198.51.100.20:6881]\n'
    expect(routersOf(of(own))).toEqual(['198.51.100.20:6881', ...DHT_ROUTERS])
    expect(routersOf(of(`${own}    defaultRouters: false\n`))).toEqual(['198.51.100.20:6881'])
  })

  it('are the operator’s own alone in a lab and on loopback: those never send beyond this machine', () => {
    expect(routersOf(of('lab: true\n'))).toEqual([])
    expect(routersOf(of('udp:\n  host: 127.0.0.1\n'))).toEqual([])
    expect(routersOf(of('udp:\n  host: "::1"\n'))).toEqual([])
  })
})

describe('settings of discovery (D-03, D-10)', () => {
  it('announce the port that others reach, and none where nobody can', () => {
    expect(announcedPort([{ kind: 'ipv4', host: '93.184.216.34', port: 7_000 }], 6_421)).toBe(7_000)
    expect(announcedPort(undefined, 6_421)).toBe(6_421)
    expect(announcedPort([], 6_421)).toBe(9)
  })

  it('never let the most be less than the least', () => {
    const { dht } = intervalsOf(of('discovery:\n  leastSeconds: 100\n  mostSeconds: 10\n'))
    expect(dht).toEqual({ firstMs: 1_000, leastMs: 100_000, eagerMs: 100_000, mostMs: 100_000 })
  })

  it('refuse what is no tracker', () => {
    for (const url of ['ftp://a/announce', 'udp://', 'a.example:80', 'http://a b/', 'http://a:0/']) {
      expect(() => of(`discovery:\n  trackers: ["${url}"]\n`)).toThrow('discovery.trackers.0')
    }
    const good = [
      'udp://a.example:6969',
      'https://a.example/announce?key=1',
      'http://[2001:db8::7]:80/announce',
    ]
    expect(of(`discovery:\n  trackers: ${JSON.stringify(good)}\n`).discovery.trackers).toEqual(good)
  })

  it('are told to people in few digits', () => {
    expect(rounded({ share: 1 / 3, of: [2.00049], none: undefined })).toEqual({ share: 0.333, of: [2] })
  })
})
