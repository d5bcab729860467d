import { existsSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { parseSync } from 'vite'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

/** Not an import of types alone; one without names is for what it does. */
const bringsCode = ({ entries }: { readonly entries: readonly { readonly isType: boolean }[] }) =>
  entries.length === 0 || entries.some(({ isType }) => !isType)

/** Everything that `entry` brings with it, as paths in the project and names of packages. */
function reached(entry: string, follow: { readonly dynamic: boolean }): Set<string> {
  const found = new Set<string>()
  const visit = (path: string) => {
    if (found.has(path)) return
    found.add(path)
    if (!existsSync(resolve(root, path))) throw new TypeError(`${path} is imported and not there`)
    const text = readFileSync(resolve(root, path), 'utf8')
    const now = parseSync(path, text)
      .module.staticImports.filter(bringsCode)
      .map((one) => one.moduleRequest.value)
    const again = parseSync(path, text).module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ isType, moduleRequest }) => (isType || !moduleRequest ? [] : [moduleRequest.value])),
    )
    const later = [...text.matchAll(/\bimport\(\s*'([^']+)'\s*\)|new URL\(\s*'([^']+\.ts)'/g)]
    const dynamic = follow.dynamic ? later.map(([, module, worker]) => module ?? worker ?? '') : []
    for (const from of [...now, ...again, ...dynamic]) {
      if (from.startsWith('.')) visit(relative(root, resolve(root, dirname(path), from)))
      else found.add(from)
    }
  }
  visit(entry)
  return found
}

describe('direct mode is kept apart (C-09, W-03)', () => {
  it.each(['web/app/main.ts', 'web/engine/worker.ts', 'web/sw.ts'])('%s brings none of it', (entry) => {
    const all = [...reached(entry, { dynamic: true })]
    expect(
      all.filter((path) => path.startsWith('web/direct/') || path.startsWith('webtorrent/dist')),
    ).toEqual([])
    // The walk is one: it came where it had to.
    expect(all.length).toBeGreaterThan(3)
  })

  it('the gate brings no engine, nor anything else that connects', () => {
    const gate = [...reached('web/direct/main.ts', { dynamic: false })]
    expect(gate).toContain('web/direct/direct-gate.ts')
    expect(gate.filter((path) => /webtorrent|parse-torrent/.test(path))).toEqual([])
    expect(gate).not.toContain('web/direct/engine.ts')
    const ways = /\b(fetch|WebSocket|RTCPeerConnection|XMLHttpRequest|EventSource|sendBeacon|new Worker)\(/
    const own = gate.filter((path) => path.endsWith('.ts'))
    expect(own.filter((path) => ways.test(readFileSync(resolve(root, path), 'utf8')))).toEqual([])
  })

  it('the engine is what the gate loads later, whole', () => {
    const all = reached('web/direct/main.ts', { dynamic: true })
    for (const path of [
      'web/direct/engine.ts',
      'web/direct/store-worker.ts',
      'webtorrent/dist/webtorrent.min.js',
    ]) {
      expect(all).toContain(path)
    }
  })
})
