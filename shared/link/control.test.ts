import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../bytes/bytes.ts'
import { CodecError } from '../bytes/error.ts'
import {
  afterPacket,
  answerControl,
  authenticationPacket,
  CONTROL_COMMUNITY_ID,
  CONTROL_HEADER_BYTES,
  isControl,
  messagePacket,
  paddingPacket,
  parseControl,
  pingPacket,
  pongPacket,
  retiringPacket,
  signalPacket,
} from './control.ts'
import { MAX_MESSAGE_BODY_BYTES, MAX_SIGNAL_BODY_BYTES } from './keeper-limits.ts'
import type { Link } from './link.ts'
import { ADDRESS } from './neighbour.fixture.ts'

const u32 = fc.integer({ min: 0, max: 0xffff_ffff })

function recordingLink(sent: Uint8Array[]): Link {
  return {
    kind: 'simulated',
    mtu: 1_472,
    address: ADDRESS,
    open: true,
    send: (packet) => sent.push(packet),
    close: () => {},
  }
}

describe('control packets of links (L-06, L-07)', () => {
  it('begin with the prefix of the community SHA-1("culvert link 1")', () => {
    expect(toHex(CONTROL_COMMUNITY_ID)).toBe('a67d6d9b963768dc58bb6bb658976d006ab72abe')
    expect(toHex(pingPacket(0x01020304, 2))).toBe(`0002${toHex(CONTROL_COMMUNITY_ID)}02010203040000`)
    expect(toHex(retiringPacket(5))).toBe(`0002${toHex(CONTROL_COMMUNITY_ID)}0400000005`)
  })

  it('are read as they were written', () => {
    const body = fc.uint8Array({ maxLength: 100 })
    fc.assert(
      fc.property(u32, body, fc.uint8Array({ minLength: 16, maxLength: 16 }), (nonce, bytes, id) => {
        expect(parseControl(pingPacket(nonce, bytes.length))).toEqual({ type: 'ping', nonce })
        expect(parseControl(pongPacket(nonce))).toEqual({ type: 'pong', nonce })
        expect(parseControl(retiringPacket(nonce))).toEqual({ type: 'retiring', nonce })
        expect(parseControl(afterPacket(nonce))).toEqual({ type: 'after', nonce })
        expect(parseControl(messagePacket(id, bytes))).toEqual({ type: 'message', id, body: bytes })
        expect(parseControl(signalPacket(bytes))).toEqual({ type: 'signal', body: bytes })
        expect(parseControl(authenticationPacket(bytes))).toEqual({ type: 'authentication', body: bytes })
      }),
    )
  })

  it('of padding are as long as they are to be', () => {
    for (const bytes of [CONTROL_HEADER_BYTES, 24, 1_000, 16_382]) {
      const packet = paddingPacket(bytes)
      expect(packet).toHaveLength(bytes)
      expect(parseControl(packet)).toEqual({ type: 'padding' })
    }
  })

  it('with a body over the bound are neither written nor read', () => {
    const tooLong = new Uint8Array(MAX_MESSAGE_BODY_BYTES + 1)
    expect(() => messagePacket(new Uint8Array(16), tooLong)).toThrow(CodecError)
    expect(() => signalPacket(new Uint8Array(MAX_SIGNAL_BODY_BYTES + 1))).toThrow(CodecError)
    const longest = messagePacket(new Uint8Array(16), tooLong.subarray(1))
    const longer = new Uint8Array(longest.length + 1)
    longer.set(longest)
    expect(() => parseControl(longer)).toThrow(CodecError)
  })

  it('of any bytes are parsed or refused with a CodecError, nothing else', () => {
    fc.assert(
      fc.property(fc.nat(12), fc.uint8Array({ maxLength: 40 }), (id, rest) => {
        const packet = new Uint8Array([0, 2, ...CONTROL_COMMUNITY_ID, id, ...rest])
        expect(isControl(packet)).toBe(true)
        try {
          parseControl(packet)
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError)
        }
      }),
    )
  })

  it('are told from all others', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (packet) => !isControl(packet)))
    expect(isControl(new Uint8Array([0, 2, ...CONTROL_COMMUNITY_ID]))).toBe(false)
  })

  it('are taken from a bare link too, and pings answered with less than they are', () => {
    const sent: Uint8Array[] = []
    const link = recordingLink(sent)
    expect(answerControl(link, pingPacket(9, 50))).toBe(true)
    expect(sent).toEqual([pongPacket(9)])
    expect(answerControl(link, pingPacket(9).subarray(0, 25))).toBe(true)
    expect(answerControl(link, retiringPacket(1))).toBe(true)
    expect(answerControl(link, Uint8Array.of(0, 2, 3))).toBe(false)
    expect(sent).toHaveLength(1)
  })
})
