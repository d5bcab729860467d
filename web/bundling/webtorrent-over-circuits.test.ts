import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { build } from 'vite'
import { describe, expect, it, vi } from 'vitest'
import { EXPECTED_VERSIONS, PATCHES } from './replacements.ts'
import {
  applyPatches,
  checkPackages,
  webtorrentDefines,
  webtorrentOverCircuits,
} from './webtorrent-over-circuits.ts'

const web = resolve(import.meta.dirname, '..')

const WEBTORRENT = EXPECTED_VERSIONS.webtorrent ?? ''

describe('WebTorrent as it is bundled (W-03, C-07)', () => {
  it('finds the packages that it was written for', () => {
    expect(() => checkPackages()).not.toThrow()
  })

  it('fails when a patched file is no longer as expected', () => {
    const path = 'webtorrent/lib/torrent.js'
    const text = readFileSync(resolve(web, '../node_modules', path), 'utf8')
    const { find } = PATCHES.find((patch) => patch.file === path)!
    expect(() => applyPatches(path, text.replace(find, ''))).toThrow(/found 0 times.*replacements\.ts/)
    expect(() => applyPatches(path, text + find)).toThrow(/found 2 times/)
  })

  it.each([-1, 0.001, 0xffffffff])(
    'asks a tracker that names a pause of %d s no more than once a minute',
    async (pause) => {
      const path = 'bittorrent-tracker/lib/client/tracker.js'
      const text = applyPatches(path, readFileSync(resolve(web, '../node_modules', path), 'utf8'))
      const { default: Tracker } = await import(
        /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(text)}`
      )
      vi.useFakeTimers()
      try {
        const tracker = new Tracker({ _defaultAnnounceOpts: () => ({}) }, 'udp://tracker.example:1')
        tracker.announce = vi.fn()
        tracker.setInterval(pause * 1000)
        vi.advanceTimersByTime(24 * 3_600_000)
        expect(tracker.announce.mock.calls.length).toBeGreaterThan(0)
        expect(tracker.announce.mock.calls.length).toBeLessThanOrEqual(24 * 60)
      } finally {
        vi.useRealTimers()
      }
    },
  )

  it('holds no other way out', async () => {
    const result = await build({
      configFile: false,
      root: web,
      publicDir: false,
      logLevel: 'silent',
      define: webtorrentDefines,
      plugins: [webtorrentOverCircuits()],
      build: {
        write: false,
        target: 'es2023',
        rolldownOptions: {
          input: resolve(web, 'engine/torrent-engine.ts'),
          preserveEntrySignatures: 'strict',
        },
      },
    })
    const { output } = (Array.isArray(result) ? result[0] : result) as {
      output: { type: string; code?: string }[]
    }
    const code = output.map((chunk) => chunk.code ?? '').join('\n')
    // Not `toContain`: it would print a megabyte.
    const holds = (text: string) => code.includes(text)
    // The real thing is in it, with our sockets ...
    const wanted = ['BitTorrent protocol', 'names are resolved at the exit', WEBTORRENT]
    expect(wanted.filter((text) => !holds(text))).toEqual([])
    // ... and nothing that opens others. Methods that are called fetch are not the browser's.
    const ways = [
      'RTCPeerConnection',
      'new WebSocket',
      'XMLHttpRequest',
      'utp-native',
      'EventSource',
      '__browser-external',
    ]
    expect(ways.filter(holds)).toEqual([])
    expect(code.match(/(?:globalThis|self|window)\.fetch/g)).toBeNull()
  })
})
