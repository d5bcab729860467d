import { describe, expect, it } from 'vitest'
import { checkShape, checkSource, cleanMagnet, type TorrentShape } from './torrent-source.ts'

const HASH = 'c12fe1c06bba254a9dc9f519b335aa7c1367a88a'
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: { code?: string }) => error.code,
  )
const magnet = (uri: string) => codeOf(checkSource({ kind: 'magnet', uri }))
const file = (bytes: Uint8Array) => codeOf(checkSource({ kind: 'file', bytes }))

describe('what a visitor opens (W-01)', () => {
  it.each([
    `magnet:?xt=urn:btih:${HASH}`,
    ` MAGNET:?dn=x&xt=urn:btih:${HASH.toUpperCase()}&tr=http%3A%2F%2Fa `,
    'magnet:?xt=urn:btih:yex6dqdlxisuvhoj6um3gnnkpqjwpkek',
    `magnet:?xt=urn:btmh:1220abc&xt=urn:btih:${HASH}`,
    `magnet:?xt=urn:btih:${HASH}&tr=%ZZ`,
    `magnet:?xt.1=urn:sha1:abc&xt.2=urn:btih:${HASH}`,
  ])('takes %s', async (uri) => {
    expect(await magnet(uri)).toBe('no error')
  })

  it.each([
    '',
    'http://example.com/film.torrent',
    'magnet:?dn=nothing',
    'magnet:?xt=urn:btih:1234',
    `magnet:?xt=urn:sha1:${HASH}`,
    `x-magnet:?xt=urn:btih:${HASH}`,
    `magnet:?xt=urn:btih:${HASH}&dn=${'x'.repeat(9_000)}`,
  ])('refuses %.60s', async (uri) => {
    expect(await magnet(uri)).toBe('magnet-malformed')
  })

  it('passes on what it knows of a link, and a bounded number of it', () => {
    const trackers = Array.from({ length: 40 }, (_, i) => `tr=udp%3A%2F%2Ft${i}`).join('&')
    const uri = cleanMagnet(
      `magnet:?xt=urn:btih:${HASH}&so=0-999999999&dn=A%20b%26c&${trackers}&x.pe=1.2.3.4:5&zz=1`,
    )
    const given = new URLSearchParams(uri.slice('magnet:?'.length))
    expect([...new Set(given.keys())]).toEqual(['xt', 'dn', 'tr', 'x.pe'])
    expect(given.getAll('tr')).toHaveLength(32)
    expect(uri).toMatch(/&x\.pe=1\.2\.3\.4:5$/)
    expect(given.get('dn')).toBe('A b&c')
  })

  it.each(['xs', 'as', 'mt', 'kt', 'ix', 'so'])(
    'does not pass on %s, by which a link names more than is counted here',
    (name) => {
      const more = `${name}=http%3A%2F%2F192.0.2.1%2Ffile.torrent`
      expect(cleanMagnet(`magnet:?xt=urn:btih:${HASH}&dn=a&${more}&${more}`)).toBe(
        `magnet:?xt=urn:btih:${HASH}&dn=a`,
      )
    },
  )

  it.each([
    '',
    'not bencode',
    'd4:infode',
    'de',
    'i1e',
    'd4:infod6:lengthi5e4:name1:a12:piece lengthi0e6:pieces0:ee',
  ])('refuses the file %j', async (text) => {
    expect(await file(Buffer.from(text))).toBe('torrent-malformed')
  })

  it('refuses a file that is too large to be one, unread', async () => {
    expect(await file(new Uint8Array(8 * 1024 * 1024 + 1))).toBe('torrent-malformed')
  })

  it('takes a torrent whose sizes fit', async () => {
    const pieces = '6:pieces40:'.concat('x'.repeat(40))
    const text = `d4:infod6:lengthi20000e4:name1:a12:piece lengthi16384e${pieces}ee`
    expect(await file(Buffer.from(text))).toBe('no error')
  })

  it('passes on a bounded number of its trackers and web seeds', async () => {
    const tier = Array.from({ length: 100 }, (_, i) => `10:http://t${String(i).padStart(2, '0')}`).join('')
    const info = `4:infod6:lengthi9e4:name1:a12:piece lengthi16384e6:pieces20:${'x'.repeat(20)}e`
    const text = `d13:announce-listll${tier}ee${info}8:url-listl${tier}ee`
    const source = await checkSource({ kind: 'file', bytes: Buffer.from(text) })
    expect(source).toMatchObject({ announce: { length: 32 }, urlList: { length: 8 } })
  })

  const shape = (change: Partial<TorrentShape>): TorrentShape => ({
    length: 10,
    pieceLength: 4,
    pieces: [1, 2, 3],
    files: [{ length: 7 }, { length: 3 }],
    ...change,
  })

  it.each([
    { length: 0, files: [], pieces: [] },
    { length: 10.5 },
    { files: [{ length: 13 }, { length: -3 }] },
    { files: [{ length: 7 }] },
    { pieceLength: 0 },
    { pieceLength: 2 ** 40, pieces: [1] },
    { pieces: [1, 2] },
  ])('refuses metadata that does not fit itself: %j', (change) => {
    expect(() => checkShape(shape({}))).not.toThrow()
    expect(() => checkShape(shape(change))).toThrow(/no sense|not add up/)
  })
})
