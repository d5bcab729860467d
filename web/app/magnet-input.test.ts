import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAGNET_BYTES } from '../engine/limits.ts'
import { magnetHints, readMagnet } from './magnet-input.ts'

const hash = '0123456789abcdef0123456789abcdef01234567'

describe('magnet links as visitors paste them (W-01)', () => {
  it('takes hex, base32 and version 2 hashes', () => {
    for (const topic of [
      `urn:btih:${hash}`,
      `urn:btih:${hash.toUpperCase()}`,
      'urn:btih:MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK',
      `urn:btmh:1220${'ab'.repeat(32)}`,
    ]) {
      expect(readMagnet(`magnet:?xt=${topic}`)).toMatchObject({ ok: true })
    }
  })

  it('keeps trackers as they stand and finds the name', () => {
    const uri = `magnet:?xt=urn:btih:${hash}&dn=Slow+Water&tr=udp%3A%2F%2Ftracker.example%3A1337`
    expect(readMagnet(uri)).toEqual({ ok: true, uri, name: 'Slow Water' })
  })

  it('takes numbered topics, one of which it can use', () => {
    expect(readMagnet(`MAGNET:?xt.1=urn:sha1:abc&xt.2=urn:btih:${hash}`)).toMatchObject({ ok: true })
  })

  it('takes white space around and line breaks within', () => {
    expect(readMagnet(`  magnet:?xt=urn:btih:${hash.slice(0, 20)}\n${hash.slice(20)} `)).toMatchObject({
      ok: true,
      uri: `magnet:?xt=urn:btih:${hash}`,
    })
  })

  it('keeps spaces that a name was written with', () => {
    expect(readMagnet(`magnet:?xt=urn:btih:${hash}&dn=Slow Water`)).toMatchObject({ name: 'Slow Water' })
  })

  it('takes a bare info hash', () => {
    expect(readMagnet(hash)).toMatchObject({ ok: true, uri: `magnet:?xt=urn:btih:${hash}` })
  })

  it.each([
    ['', 'empty'],
    [' \n ', 'empty'],
    ['https://example.org/film.torrent', 'no-magnet'],
    ['magnet:?dn=nothing', 'no-info-hash'],
    [`magnet:?xt=urn:btih:${hash.slice(1)}`, 'no-info-hash'],
    [`magnet:?xt=urn:btih:${hash}00`, 'no-info-hash'],
    ['a'.repeat(MAGNET_BYTES + 1), 'too-long'],
  ] as const)('refuses %j with %s', (text, why) => {
    expect(readMagnet(text)).toEqual({ ok: false, why })
    expect(magnetHints[why]).toMatch(/\.$/)
  })

  it('never throws, whatever is pasted', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(typeof readMagnet(text).ok).toBe('boolean')
        expect(typeof readMagnet(`magnet:?${text}`).ok).toBe('boolean')
      }),
    )
  })
})
