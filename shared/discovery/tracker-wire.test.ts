import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concat, fromHex, toHex } from '../bytes/bytes.ts'
import { CodecError } from '../bytes/error.ts'
import {
  type Announce,
  announceDatagram,
  announceUrl,
  connectDatagram,
  MAX_TRACKER_PEERS,
  readHttpAnswer,
  readUdpAnswer,
} from './tracker-wire.ts'

const announce: Announce = {
  infoHash: new Uint8Array(20).fill(0x11),
  peerId: new Uint8Array(20).fill(0x41),
  port: 0x1b59,
  event: 'started',
  looking: true,
  key: 0xdeadbeef,
  wanted: 80,
}
const NO_PATH = new Uint8Array()
const bytes = (text: string) => Uint8Array.from(text, (each) => each.charCodeAt(0))

describe('UDP trackers on the wire (D-03, BEP 15)', () => {
  it('are asked in the layout of BEP 15', () => {
    expect(toHex(connectDatagram(0x01020304))).toBe('000004172710198000000000' + '01020304')
    const datagram = announceDatagram(announce, fromHex('a1a2a3a4a5a6a7a8'), 0x01020304, NO_PATH)
    expect(datagram).toHaveLength(98)
    const parts = [
      'a1a2a3a4a5a6a7a8',
      '00000001',
      '01020304',
      '11'.repeat(20),
      '41'.repeat(20),
      '0000000000000000',
      '0000000000000001',
      '0000000000000000',
      '00000002',
      '00000000',
      'deadbeef',
      '00000050',
      '1b59',
    ]
    expect(toHex(datagram)).toBe(parts.join(''))
  })

  it('are told the path of their URL (BEP 41)', () => {
    const datagram = announceDatagram(announce, new Uint8Array(8), 1, bytes('/a?b'))
    expect(toHex(datagram.subarray(98))).toBe(`0204${toHex(bytes('/a?b'))}`)
    expect(announceDatagram(announce, new Uint8Array(8), 1, new Uint8Array(999).fill(97))).toHaveLength(355)
  })

  it('answer in the family of their address', () => {
    const head = fromHex('00000001000000090000070800000001000000020a'.slice(0, 40))
    const v4 = concat(head, fromHex('0b0000011b59' + '0b0000020000'))
    expect(readUdpAnswer(v4, 9, 'ipv4')).toMatchObject({
      kind: 'announced',
      answer: { interval: 1_800, peers: [{ kind: 'ipv4', host: '11.0.0.1', port: 7_001 }] },
    })
    const v6 = concat(head, fromHex('20010db8000000000000000000000007' + '1b59'))
    expect(readUdpAnswer(v6, 9, 'ipv6')).toMatchObject({
      answer: { peers: [{ kind: 'ipv6', host: '2001:db8::7', port: 7_001 }] },
    })
    expect(readUdpAnswer(v4, 8, 'ipv4')).toBeUndefined()
    expect(readUdpAnswer(fromHex('0000000300000009aa'), 9, 'ipv4')).toEqual({ kind: 'error' })
  })

  it('throw nothing but CodecError, whatever they send', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('ipv4' as const, 'ipv6' as const),
        (rest, kind) => {
          const datagram = concat(fromHex('0000000100000009'), rest)
          try {
            const answer = readUdpAnswer(datagram, 9, kind)
            expect(answer?.kind).toBe('announced')
          } catch (error) {
            expect(error).toBeInstanceOf(CodecError)
          }
        },
      ),
    )
  })
})

describe('HTTP trackers on the wire (D-03, BEP 3, 7, 23)', () => {
  it('are asked with bytes as they are, escaped', () => {
    const url = announceUrl(
      'http://t/announce?pass=1',
      { ...announce, peerId: bytes('-CV0100- ~/abcdefghij') },
      bytes('x&'),
    )
    expect(url).toContain('http://t/announce?pass=1&info_hash=%11%11')
    expect(url).toContain('&peer_id=-CV0100-%20~%2Fabc')
    expect(url).toContain('&port=7001&')
    expect(url).toContain('&compact=1')
    expect(url).toContain('&event=started')
    expect(url.endsWith('&trackerid=x%26')).toBe(true)
    expect(announceUrl('http://t/a', { ...announce, event: undefined }, undefined)).not.toContain('event=')
  })

  it('give compact peers of both families, or the long form', () => {
    const compact = readHttpAnswer(
      bytes(
        `d8:intervali900e12:min intervali60e5:peers6:\x0b\x00\x00\x01\x1b\x596:peers618:${'\x20'.repeat(16)}\x1b\x59e`,
      ),
    )
    expect(compact).toMatchObject({ interval: 900, minInterval: 60 })
    expect(compact.peers.map(({ kind, port }) => `${kind} ${port}`)).toEqual(['ipv4 7001', 'ipv6 7001'])
    const long = readHttpAnswer(
      bytes(
        'd5:peersld2:ip8:11.0.0.14:porti7001eed2:ip9:localhost4:porti7001eed2:ip8:11.0.0.14:porti0eei5eee',
      ),
    )
    expect(long.peers).toEqual([{ kind: 'ipv4', host: '11.0.0.1', port: 7_001 }])
  })

  it('give at most 200 peers of a family, and no interval below one second', () => {
    const many = readHttpAnswer(bytes(`d8:intervali-5e5:peers6000:${'\x0b'.repeat(6_000)}e`))
    expect(many.peers).toHaveLength(MAX_TRACKER_PEERS)
    expect(many.interval).toBeUndefined()
  })

  it('throw nothing but CodecError, whatever they send', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', maxLength: 100 }), (text) => {
        try {
          readHttpAnswer(bytes(`d5:peers${text}e`))
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError)
        }
      }),
    )
    expect(() => readHttpAnswer(bytes('d14:failure reason2:noe'))).toThrow('refused')
  })
})
