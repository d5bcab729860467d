import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex } from '../bytes/bytes.ts'
import { looksLikeUtp } from './endpoint.ts'
import {
  newPacket,
  PART_OVERHEAD,
  startPart,
  startSelectiveAck,
  UTP_TYPE,
  UtpHeader,
  type UtpType,
} from './header.ts'
import { microseconds, sequenceDelta, timestampDelta } from './sequence.ts'

const u16 = fc.nat(0xffff)
const u32 = fc.nat(0xffffffff)

describe('uTP header (W-04, BEP 29)', () => {
  it('has the layout of BEP 29', () => {
    const packet = newPacket(UTP_TYPE.state, 0x1234, 0x01020304, 0x05060708, 0x00100000, 0xfffe, 0xabcd, 0)
    expect(packet).toEqual(fromHex('21001234' + '01020304' + '05060708' + '00100000' + 'fffeabcd'))
  })

  it('is read as it was written', () => {
    fc.assert(
      fc.property(
        fc.nat(4),
        u16,
        u32,
        u32,
        u32,
        u16,
        u16,
        fc.nat(30),
        (type, id, ts, diff, wnd, seq, ack, n) => {
          const header = new UtpHeader()
          const packet = newPacket(type as UtpType, id, ts, diff, wnd, seq, ack, n)
          expect(header.read(packet)).toBe(true)
          expect({ ...header }).toEqual({
            type,
            connectionId: id,
            timestamp: ts,
            timestampDifference: diff,
            windowBytes: wnd,
            sequence: seq,
            acknowledged: ack,
            selectiveAckStart: 0,
            selectiveAckEnd: 0,
            payloadStart: 20,
            partOffset: 0,
            partTotal: 0,
          })
          expect(looksLikeUtp(packet)).toBe(true)
        },
      ),
    )
  })

  it('skips unknown extensions and finds the selective ack among them', () => {
    const head = newPacket(UTP_TYPE.data, 1, 2, 3, 4, 5, 6, 0)
    head[1] = 2
    const packet = Uint8Array.from([...head, 1, 3, 9, 9, 9, 7, 4, 0xaa, 0, 0, 1, 0, 0, 42, 43])
    const header = new UtpHeader()
    expect(header.read(packet)).toBe(true)
    expect([...packet.subarray(header.selectiveAckStart, header.selectiveAckEnd)]).toEqual([0xaa, 0, 0, 1])
    expect([...packet.subarray(header.payloadStart)]).toEqual([42, 43])
  })

  it('tells what part of a packet it bears, and forgets it with the next', () => {
    const packet = newPacket(UTP_TYPE.data, 1, 2, 3, 4, 5, 6, PART_OVERHEAD + 1)
    packet[startPart(packet, 0x1234, 0x3fd0)] = 42
    expect([...packet.subarray(20)]).toEqual([0, 4, 0x12, 0x34, 0x3f, 0xd0, 42])
    const header = new UtpHeader()
    expect(header.read(packet)).toBe(true)
    expect([header.partOffset, header.partTotal, header.payloadStart]).toEqual([0x1234, 0x3fd0, 26])
    header.read(newPacket(UTP_TYPE.data, 1, 2, 3, 4, 5, 6, 1))
    expect([header.partOffset, header.partTotal]).toEqual([0, 0])
  })

  it('reads a selective ack of one byte, as libtorrent 2.0 sends it', () => {
    const header = new UtpHeader()
    expect(header.read(fromHex('2101fa1e3b3351493b0edce3000ff5382a6eda62000160'))).toBe(true)
    expect([header.selectiveAckStart, header.selectiveAckEnd, header.payloadStart]).toEqual([22, 23, 23])
  })

  it('writes a selective ack that it reads', () => {
    const packet = newPacket(UTP_TYPE.state, 1, 2, 3, 4, 5, 6, 2 + 8)
    expect(startSelectiveAck(packet, 8)).toBe(22)
    const header = new UtpHeader()
    expect(header.read(packet)).toBe(true)
    expect([header.selectiveAckStart, header.selectiveAckEnd, header.payloadStart]).toEqual([22, 30, 30])
  })

  it.each([
    ['short', '21001234010203040506070800100000fffeab'],
    ['version 0', '20001234010203040506070800100000fffeabcd'],
    ['version 2', '22001234010203040506070800100000fffeabcd'],
    ['type 5', '51001234010203040506070800100000fffeabcd'],
    ['an extension that is not there', '21011234010203040506070800100000fffeabcd'],
    ['an extension beyond the end', '21021234010203040506070800100000fffeabcd0005aabb'],
    ['a chain of extensions without end', '21021234010203040506070800100000fffeabcd02000200'],
  ])('refuses %s', (_, hex) => {
    expect(new UtpHeader().read(fromHex(hex))).toBe(false)
  })

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        if (bytes.length > 0) bytes[0] = (bytes[0]! & 0xf0) | 1
        const header = new UtpHeader()
        if (header.read(bytes)) expect(header.payloadStart).toBeLessThanOrEqual(bytes.length)
      }),
    )
  })

  it('compares numbers that wrap', () => {
    expect(sequenceDelta(2, 0xffff)).toBe(3)
    expect(sequenceDelta(0xffff, 2)).toBe(-3)
    expect(sequenceDelta(0x8000 + 5, 5)).toBe(-0x8000)
    expect(timestampDelta(5, 0xfffffffb)).toBe(10)
    expect(microseconds(4_294_967.296 + 0.5)).toBe(500)
  })
})
