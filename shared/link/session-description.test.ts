import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeOf } from '../bytes/error-code.fixture.ts'
import { ADDRESS_CANDIDATES, usableCandidate } from './candidates.ts'
import { MAX_MESSAGE_BYTES, MESSAGE_BYTES } from './constants.ts'
import {
  checkedDescription,
  DESCRIPTION_CANDIDATES,
  fingerprintOf,
  mediaIdOf,
  webrtcBinding,
} from './session-description.ts'

const PUBLIC = { allowPrivate: false }
const LAB = { allowPrivate: true }
const HEX = (first: number) =>
  Array.from({ length: 32 }, (_, i) => ((first + i) & 0xff).toString(16).toUpperCase().padStart(2, '0')).join(
    ':',
  )

/** As Chromium writes it for one data channel. */
const CHROMIUM = [
  'v=0',
  'o=- 4611731400430051336 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0',
  'a=extmap-allow-mixed',
  'a=msid-semantic: WMS',
  'm=application 51472 UDP/DTLS/SCTP webrtc-datachannel',
  'c=IN IP4 192.168.1.7',
  'a=candidate:1 1 udp 2113937151 0fb6ea2b-4a0a-4c1f-9d1e-1f0a3c7be4f0.local 51472 typ host generation 0 network-cost 999',
  'a=candidate:2 1 udp 1677729535 9.8.7.6 40001 typ srflx raddr 192.168.1.7 rport 51472 generation 0',
  'a=candidate:3 1 tcp 1518280447 192.168.1.7 9 typ host tcptype active',
  'a=candidate:4 1 udp 41885439 9.9.9.9 3478 typ relay raddr 9.8.7.6 rport 1',
  'a=ice-ufrag:EsAw',
  'a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1',
  'a=ice-options:trickle',
  `a=fingerprint:sha-256 ${HEX(1)}`,
  'a=setup:actpass',
  'a=mid:0',
  'a=sctp-port:5000',
  'a=max-message-size:262144',
  '',
].join('\r\n')
const without = (start: string) =>
  CHROMIUM.split('\r\n')
    .filter((line) => !line.startsWith(start))
    .join('\r\n')

describe('session descriptions from strangers (L-06)', () => {
  it('keep what a data channel needs, and nothing that tells the network behind a NAT', () => {
    const checked = checkedDescription(CHROMIUM, PUBLIC)
    const lines = checked.split('\r\n')
    expect(checked).not.toContain('192.168')
    expect(lines).toContain('m=application 9 UDP/DTLS/SCTP webrtc-datachannel')
    expect(lines.filter((line) => line.startsWith('a=candidate'))).toEqual([
      'a=candidate:1 1 UDP 2113937151 0fb6ea2b-4a0a-4c1f-9d1e-1f0a3c7be4f0.local 51472 typ host',
      'a=candidate:2 1 UDP 1677729535 9.8.7.6 40001 typ srflx raddr 0.0.0.0 rport 0',
    ])
    expect(lines).not.toContain('a=extmap-allow-mixed')
    expect(checkedDescription(checked, PUBLIC)).toBe(checked)
    expect(mediaIdOf(checked)).toBe('0')
  })

  it.each([
    ['m=', 'sdp-missing'],
    ['a=ice-ufrag', 'sdp-missing'],
    ['a=ice-pwd', 'sdp-missing'],
    ['a=fingerprint', 'sdp-missing'],
    ['a=setup', 'sdp-missing'],
    ['a=mid', 'sdp-missing'],
  ])('without %s are refused', (start, code) => {
    expect(codeOf(() => checkedDescription(without(start), PUBLIC))).toBe(code)
  })

  it.each([
    ['two fingerprints', `a=fingerprint:sha-256 ${HEX(9)}`, 'sdp-twice'],
    ['a fingerprint of another hash', `a=fingerprint:sha-1 ${HEX(9).slice(0, 59)}`, 'sdp-line'],
    ['a second medium', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'sdp-line'],
    ['two ICE users', 'a=ice-ufrag:abcd', 'sdp-twice'],
    ['too many lines', 'a=sendrecv\r\n'.repeat(80), 'sdp-length'],
    ['too many bytes', 'x'.repeat(9_000), 'sdp-length'],
  ])('with %s are refused', (_what, line, code) => {
    expect(codeOf(() => checkedDescription(`${CHROMIUM}${line}\r\n`, PUBLIC))).toBe(code)
  })

  it.each([
    [1, 'sdp-message-size'],
    [MESSAGE_BYTES - 1, 'sdp-message-size'],
    [MESSAGE_BYTES, 'none'],
    [MAX_MESSAGE_BYTES, 'none'],
    [0, 'none'],
  ])('of one who takes messages of %i bytes must leave room for those of a link: %s', (bytes, code) => {
    const line = `a=max-message-size:${bytes}`
    const of = (sdp: string) => codeOf(() => checkedDescription(sdp, PUBLIC))
    expect(of(CHROMIUM.replace('a=max-message-size:262144', line))).toBe(code)
    expect(of(`${CHROMIUM}${line}\r\n`)).toBe(code)
    expect(of(without('a=max-message-size'))).toBe('none')
  })

  it('have a bounded number of candidates, and of addresses among them', () => {
    const count = (host: string) => {
      const many = `a=candidate:1 1 udp 1 ${host} 5000 typ host\r\n`.repeat(40)
      return checkedDescription(without('a=candidate') + many, PUBLIC).match(/a=candidate/g)?.length
    }
    expect(count('9.9.9.9')).toBe(ADDRESS_CANDIDATES)
    expect(count('0fb6ea2b-4a0a-4c1f-9d1e-1f0a3c7be4f0.local')).toBe(DESCRIPTION_CANDIDATES)
  })

  it('bind a link to both certificates, the caller’s first', () => {
    const other = CHROMIUM.replace(HEX(1), HEX(2).toLowerCase())
    const binding = webrtcBinding(CHROMIUM, other)
    expect(binding).toHaveLength(64)
    expect([binding[0], binding[32], binding[63]]).toEqual([1, 2, 33])
    expect(webrtcBinding(other, CHROMIUM)).not.toEqual(binding)
    expect(codeOf(() => fingerprintOf(`${CHROMIUM}a=fingerprint:sha-256 ${HEX(2)}\r\n`))).toBe(
      'sdp-fingerprint',
    )
  })
})

describe('candidates from strangers (L-06)', () => {
  const of = (host: string, rest = 'typ host') => `candidate:1 1 UDP 7 ${host} 4000 ${rest}`

  it.each([
    '10.0.0.1',
    '172.16.3.4',
    '192.168.1.1',
    '127.0.0.1',
    '169.254.1.1',
    '100.64.0.1',
    'fc00::1',
    'fe80::1',
    '::1',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
    '2002:a00:1::1',
    '2001:0:1::1',
    '2a01::5efe:a00:1',
    '198.18.0.1',
    '192.0.0.8',
    '203.0.113.1',
    '168.63.129.16',
  ])('at %s are neither tried nor told, but in a lab', (host) => {
    expect(usableCandidate(of(host), PUBLIC)).toBeUndefined()
    expect(usableCandidate(of(host), LAB)).toBeDefined()
  })

  it.each([
    'router.example',
    'printer.local',
    '0fb6ea2b-4a0a-4c1f-9d1e-1f0a3c7be4f0.local.example',
    '0.0.0.0',
    '224.0.0.1',
    'ff02::1',
    '::',
    '127.1',
    '0x7f.0.0.1',
    '1.2.3',
  ])('at %s are never tried', (host) => {
    expect(usableCandidate(of(host), LAB)).toBeUndefined()
  })

  it('are of UDP, and not of a TURN server', () => {
    expect(usableCandidate(of('9.9.9.9'), PUBLIC)).toBe(of('9.9.9.9'))
    expect(usableCandidate(of('2a01::1', 'typ srflx raddr :: rport 0'), PUBLIC)).toContain(
      '2a01::1 4000 typ srflx',
    )
    expect(usableCandidate(of('9.9.9.9', 'typ relay raddr 1.1.1.1 rport 2'), PUBLIC)).toBeUndefined()
    expect(usableCandidate(of('9.9.9.9').replace('UDP', 'TCP'), PUBLIC)).toBeUndefined()
    expect(usableCandidate(of('9.9.9.9').replace('4000', '0'), PUBLIC)).toBeUndefined()
    expect(usableCandidate(of('9.9.9.9').replace('4000', '70000'), PUBLIC)).toBeUndefined()
    expect(usableCandidate(`${of('9.9.9.9')}\r\na=setup:passive`, PUBLIC)).toBeUndefined()
  })

  it('are one line, whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (before, after) => {
        const usable = usableCandidate(of('9.9.9.9', `typ host ${before}${after}`), LAB)
        expect(usable === undefined || usable === of('9.9.9.9')).toBe(true)
      }),
    )
  })
})
