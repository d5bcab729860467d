import { utf8ToBytes } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { RequestLimit } from './request-limit.ts'
import { SecircProbes } from './secirc.ts'
import { ip } from './town.fixture.ts'

describe('ten requests a minute for each address (D-07)', () => {
  it('serves ten, refuses the eleventh, and no minute has more than ten', () => {
    const clock = new VirtualClock()
    const limit = new RequestLimit(clock)
    const served: number[] = []
    for (let second = 0; second < 600; second++) {
      if (limit.take(ip('11.0.0.1'))) served.push(second)
      clock.advance(1_000)
    }
    expect(served.slice(0, 11)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 60])
    const inAnyMinute = served.map((start) => served.filter((at) => at >= start && at < start + 60).length)
    expect(Math.max(...inAnyMinute)).toBe(10)
    expect(served.length).toBe(100)
  })

  it('counts one machine as one, whatever its ports, and leaves others alone', () => {
    const limit = new RequestLimit(new VirtualClock(), { requests: 1 })
    expect(limit.take(ip('11.0.0.1', 5))).toBe(true)
    expect(limit.take(ip('11.0.0.1', 6))).toBe(false)
    expect(limit.take(ip('11.0.0.2', 6))).toBe(true)
    expect(limit.take(ip('2a01::1'))).toBe(true)
    expect(limit.take(ip('2a01::2'))).toBe(false)
    expect(limit.take({ kind: 'domain', host: 'relay.example', port: 1 })).toBe(true)
    expect(limit.take({ kind: 'domain', host: 'relay.example', port: 2 })).toBe(false)
  })

  it('tells the relays of a lab apart by their ports', () => {
    const limit = new RequestLimit(new VirtualClock(), {
      requests: 1,
      perPort: ({ host }) => host === '127.0.0.1',
    })
    expect([5, 6, 5].map((port) => limit.take(ip('127.0.0.1', port)))).toEqual([true, true, false])
    expect([5, 6].map((port) => limit.take(ip('11.0.0.1', port)))).toEqual([true, false])
  })

  it('remembers the one that floods while others come', () => {
    const limit = new RequestLimit(new VirtualClock(), { sources: 50 })
    let served = 0
    for (let i = 0; i < 2_000; i++) {
      if (limit.take(ip('11.0.0.1'))) served++
      limit.take(ip(`12.0.${i >> 8}.${i & 255}`))
    }
    expect(served).toBe(10)
  })
})

describe('probes of secIRC (D-09)', () => {
  const probes = () => {
    const counters = new Counters()
    return { counters, probes: new SecircProbes(new RequestLimit(new VirtualClock()), counters) }
  }

  it.each([
    ['PING', 'PONG'],
    ['SECIRC_HANDSHAKE', 'SECIRC_RESPONSE'],
  ])('answers %s with %s', (question, answer) => {
    expect(probes().probes.answer(ip('11.0.0.1'), utf8ToBytes(question))).toEqual(utf8ToBytes(answer))
  })

  it('answers nothing else, and never with more than it got', () => {
    const text = fc.constantFrom(
      'PING',
      'SECIRC_HANDSHAKE',
      'PIN',
      'PING\n',
      'SECIRC_HANDSHAKE2',
      'd1:q4:pinge',
    )
    const bytes = fc.oneof(text.map(utf8ToBytes), fc.uint8Array({ maxLength: 40 }))
    fc.assert(
      fc.property(bytes, (datagram) => {
        const answer = probes().probes.answer(ip('11.0.0.1'), datagram)
        const isProbe = ['PING', 'SECIRC_HANDSHAKE'].includes(String.fromCharCode(...datagram))
        expect(answer !== undefined).toBe(isProbe)
        expect(answer?.length ?? 0).toBeLessThanOrEqual(datagram.length)
      }),
    )
    for (const odd of ['PIN', 'PING\n', 'PINGPING', 'ping', 'SECIRC_HANDSHAKE '])
      expect(probes().probes.answer(ip('11.0.0.1'), utf8ToBytes(odd))).toBeUndefined()
  })

  it('answers one address ten times a minute, and counts the rest', () => {
    const { counters, probes: own } = probes()
    const answers = Array.from({ length: 25 }, () => own.answer(ip('11.0.0.1'), utf8ToBytes('PING')))
    expect(answers.filter(Boolean).length).toBe(10)
    expect(counters.snapshot()).toEqual({ 'secirc-answered': 10, 'secirc-limit': 15 })
    expect(own.answer(ip('11.0.0.2'), utf8ToBytes('PING'))).toBeDefined()
  })
})
