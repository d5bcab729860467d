import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../shared/bytes/address.ts'
import { VirtualClock } from '../shared/sim/virtual-clock.ts'
import { saveNodes } from './discovery/dht-nodes-file.ts'
import { Certificates } from './links/certificates.ts'
import { MonthFile } from './links/month-file.ts'
import { writeOnionKey } from './links/tor-key-file.ts'
import { createLog } from './log.ts'
import { writeWhole } from './state-file.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-state-'))
})
afterEach(() => rm(folder, { recursive: true }))

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

describe('a file of the state folder (O-03, D-06)', () => {
  it('is for its owner alone, as is the folder, and replaces the one before', async () => {
    const state = join(folder, 'a', 'state')
    await writeWhole(state, 'book', 'first')
    await writeWhole(state, 'book', Uint8Array.of(0x32))
    expect(await readdir(state)).toEqual(['book'])
    expect(await readFile(join(state, 'book'), 'utf8')).toBe('2')
    expect([await modeOf(state), await modeOf(join(state, 'book'))]).toEqual(['700', '600'])
  })

  it('stays as it was where the new one cannot be written', async () => {
    await writeWhole(folder, 'book', 'first')
    await writeFile(join(folder, 'file'), '')
    await expect(writeWhole(join(folder, 'file'), 'book', 'x')).rejects.toThrow()
    await expect(writeWhole(folder, 'book', 7 as unknown as string)).rejects.toThrow()
    expect(await readFile(join(folder, 'book'), 'utf8')).toBe('first')
  })

  it('is kept so, whichever file makes the folder', async () => {
    const log = createLog('error', () => {})
    const writers: ((state: string) => Promise<unknown>)[] = [
      (state) => Certificates.load({ state, clock: new VirtualClock(Date.UTC(2026, 5, 1)), log }),
      (state) => new MonthFile(state, log).save({ monthStartMs: 1, bytesIn: 2, bytesOut: 3 }),
      (state) => writeOnionKey(state, 'key'),
      (state) => saveNodes(join(state, 'dht.nodes'), [addressOf('11.0.0.1', 80) as IpAddress]),
    ]
    for (const [i, write] of writers.entries()) {
      const state = join(folder, String(i))
      await write(state)
      const names = await readdir(state)
      expect(names.length).toBeGreaterThan(0)
      const modes = await Promise.all([state, ...names.map((name) => join(state, name))].map(modeOf))
      expect(modes).toEqual(['700', ...names.map(() => '600')])
    }
  })
})
