import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { faultsOf, maxLines } from '../scripts/rooms.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const places = ['shared', 'relay-server', 'web', 'bench', 'e2e', 'scripts']
const checked = /\.(ts|mjs|js|css|glsl|html)$/
const passedOver = /(^|\/)(node_modules|npm-stubs|dist)(\/|$)/

function filesUnder(folder: string): string[] {
  return readdirSync(`${root}${folder}`, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (passedOver.test(path)) return []
    if (entry.isDirectory()) return filesUnder(path)
    return checked.test(entry.name) ? [path] : []
  })
}

describe('rooms import only downwards, and shared/ touches no clock, chance, Node or DOM', () => {
  test('every file of the project keeps the rules', () => {
    const files = places.flatMap(filesUnder)
    expect(files).toContain('shared/world/clock.ts')
    const faults = files.flatMap((path) =>
      faultsOf(path, readFileSync(`${root}${path}`, 'utf8')).map((fault) => `${path}: ${fault}`),
    )
    expect(faults).toEqual([])
  })
})

describe('the lint of rooms finds what it is there to find', () => {
  const onion = 'shared/onion/router.ts'
  test.each([
    ['an import from a higher room', onion, `import { path } from '../path/path.ts'`],
    ['a type import from a higher room', onion, `import type { Path } from '../path/path.ts'`],
    ['more than the type of a contract above', onion, `import { x } from '../stream/byte-stream.ts'`],
    ['a re-export from a higher room', onion, `export * from '../sim/network.ts'`],
    ['a dynamic import from a higher room', onion, `await import('../sim/network.ts')`],
    ['an import() type from a higher room', onion, `export type N = import('../sim/network.ts').N`],
    ['a room that is not in the order', onion, `import { x } from '../utils/x.ts'`],
    ['shipped code importing a fixture', onion, `import { x } from '../onion/onion.fixture.ts'`],
    ['shipped code importing the vectors', onion, `import { x } from '../../fixtures/vectors.ts'`],
    ['shared knowing the relay', onion, `import { x } from '../../relay-server/config.ts'`],
    ['a Node built-in', onion, `import { createHash } from 'node:crypto'`],
    ['a package outside @noble', onion, `import sodium from 'sodium-native'`],
    ['a name that only looks like @noble', onion, `import x from '@noblesse/x'`],
    ['the system clock', onion, `export const at = Date.now()`],
    ['the system clock by its string name', onion, `export const at = Date['now']()`],
    ['the system date', onion, `export const at = new Date()`],
    ['the system dice', onion, `export const n = Math.random()`],
    ['a global timer', onion, `setTimeout(() => {}, 10)`],
    ['a global timer handed on', onion, `export const later = { setTimeout }`],
    ['the global object', onion, `globalThis['fetch']('x')`],
    ['a Node type', onion, `export function f(b: Buffer) { return b.length }`],
    ['the console', onion, `console.log(1)`],
    [
      'the page knowing the relay',
      'web/engine/engine.ts',
      `import { x } from '../../relay-server/config.ts'`,
    ],
    ['a Node built-in in the page', 'web/engine/engine.ts', `import net from 'node:net'`],
    ['a package the page may not use', 'web/engine/engine.ts', `import yaml from 'yaml'`],
    ['the relay knowing the page', 'relay-server/main.ts', `import { x } from '../web/app/shell.ts'`],
    ['the relay running a contract', 'relay-server/main.ts', `import { x } from '../web/engine/protocol.ts'`],
    ['a file that does not parse', 'web/app/x.ts', `import {`],
    ['unfinished work', 'web/app/x.css', `/* ${'TO'}${'DO'}: colours */`],
    ['a file that is too long', 'web/app/x.css', 'a\n'.repeat(maxLines + 1)],
  ])('%s', (_, path, text) => {
    expect(faultsOf(path, text)).toHaveLength(1)
  })

  test.each([
    ['an import from a lower room', onion, `import type { Link } from '../link/link.ts'`],
    ['the type of a contract above', onion, `import type { ByteStream } from '../stream/byte-stream.ts'`],
    ['an import within the room', onion, `import { x } from './constants.ts'`],
    ['noble', onion, `import { utf8ToBytes } from '@noble/hashes/utils.js'`],
    ['a member that has a global name', onion, `export const f = (net: { fetch(): void }) => net.fetch()`],
    [
      'a global name in words and comments',
      onion,
      `// console.log, Date.now()\nexport const text = 'setTimeout process'`,
    ],
    ['a date from a handed-in time', onion, `export const at = (ms: number) => new Date(ms)`],
    [
      'a test with Node and a higher room',
      'shared/onion/x.test.ts',
      `import 'node:fs'\nimport '../sim/x.ts'`,
    ],
    ['the types of a contract', 'relay-server/main.ts', `import type { X } from '../web/engine/protocol.ts'`],
    ['Node where the page is built', 'web/bundling/plugin.ts', `import 'node:fs'\nimport 'vite'`],
    [
      'Node in the relay',
      'relay-server/main.ts',
      `import net from 'node:net'\nimport { WebSocketServer } from 'ws'`,
    ],
    ['a file as long as may be', 'web/app/x.css', 'a\n'.repeat(maxLines)],
  ])('and lets pass: %s', (_, path, text) => {
    expect(faultsOf(path, text)).toEqual([])
  })
})
