import { describe, expect, it } from 'vitest'
import { TORRENT_FILE_BYTES } from '../engine/limits.ts'
import { intentOfFile, intentOfText, looksLikeTorrent } from './torrent-input.ts'

const good = new TextEncoder().encode('d4:infod4:name1:aee')
const hash = '0123456789abcdef0123456789abcdef01234567'

describe('torrent files and dropped text (W-01)', () => {
  it('knows a bencoded dictionary by its ends', () => {
    expect(looksLikeTorrent(good)).toBe(true)
    expect(looksLikeTorrent(good.subarray(0, -2))).toBe(false)
    expect(looksLikeTorrent(new Uint8Array())).toBe(false)
    expect(looksLikeTorrent(new TextEncoder().encode('<!doctype html>e'))).toBe(false)
  })

  it('opens a good file under its name', async () => {
    expect(await intentOfFile(new File([good], 'Slow Water.torrent'))).toEqual({
      type: 'open',
      request: { kind: 'torrent', file: good, name: 'Slow Water' },
    })
  })

  it('tells a damaged torrent from something else', async () => {
    expect(await intentOfFile(new File(['<html>'], 'film.torrent'))).toEqual({
      type: 'report',
      code: 'torrent-malformed',
    })
    expect(await intentOfFile(new File(['hello'], 'holiday.jpg'))).toEqual({
      type: 'report',
      code: 'not-a-torrent-file',
    })
  })

  it('does not read a file that is too large', async () => {
    const large = {
      size: TORRENT_FILE_BYTES + 1,
      name: 'a.torrent',
      arrayBuffer: () => Promise.reject(good),
    }
    expect(await intentOfFile(large as unknown as File)).toEqual({
      type: 'report',
      code: 'not-a-torrent-file',
    })
  })

  it('opens a magnet link, complains of a broken one, and leaves other text alone', () => {
    expect(intentOfText(` magnet:?xt=urn:btih:${hash}&dn=A `)).toMatchObject({
      type: 'open',
      request: { kind: 'magnet', name: 'A' },
    })
    expect(intentOfText('magnet:?xt=urn:btih:123')).toEqual({ type: 'report', code: 'magnet-malformed' })
    expect(intentOfText('good morning')).toBeUndefined()
    expect(intentOfText('')).toBeUndefined()
  })
})
