import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { parseConfig } from '../config.ts'
import type { Log } from '../log.ts'
import { MONTH_SAVE_MS } from './constants.ts'
import { LinkBandwidth } from './link-bandwidth.ts'
import { MonthFile } from './month-file.ts'

let folder: string
let lines: string[]
const log: Log = {
  error: (line) => lines.push(line),
  info: (line) => lines.push(line),
  debug: () => undefined,
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-month-'))
  lines = []
})

afterEach(() => rm(folder, { recursive: true }))

async function opened(bytesPerMonth: number | undefined, clock = new VirtualClock()) {
  const counters = new Counters()
  const limits = bytesPerMonth === undefined ? {} : { bytesPerMonth }
  const links = { bandwidth: limits }
  const config = parseConfig(JSON.stringify({ state: folder, links }), 'test')
  const bandwidth = await LinkBandwidth.open({ config, clock, counters, log })
  return { clock, counters, bandwidth }
}

describe('what links carry in a month (L-08)', () => {
  it('is counted, of UDP and of all other links, and known again after a restart', async () => {
    const { counters, bandwidth, clock } = await opened(undefined)
    counters.add('udp-received-bytes', 1_000)
    counters.add('udp-sent-bytes', 300)
    bandwidth.bandwidth.received(50)
    bandwidth.bandwidth.sent(7)
    clock.advance(1_500)
    expect(bandwidth.status()).toMatchObject({ monthBytesIn: 1_050, monthBytesOut: 307, sleeping: false })
    await bandwidth.stop()
    const again = await opened(undefined)
    expect(again.bandwidth.status()).toMatchObject({ monthBytesIn: 1_050, monthBytesOut: 307 })
    await again.bandwidth.stop()
  })

  it('is written while the relay runs', async () => {
    const { counters, bandwidth, clock } = await opened(undefined)
    counters.add('udp-received-bytes', 900)
    await clock.advanceAsync(MONTH_SAVE_MS + 100)
    await bandwidth.stop()
    expect(JSON.parse(await readFile(join(folder, 'month.json'), 'utf8'))).toMatchObject({ bytesIn: 900 })
  })

  it('sends the relay to sleep when it is used up, says so, and wakes it with the next month', async () => {
    const late = new VirtualClock(Date.UTC(2026, 10, 30, 23, 30))
    const { counters, bandwidth, clock } = await opened(1_000_000, late)
    counters.add('udp-received-bytes', 1_000_001)
    clock.advance(1_100)
    expect(bandwidth.sleeping).toBe(true)
    expect(lines).toEqual(['the bytes of this month are used up: no new links and circuits until the next'])
    await bandwidth.stop()
    const again = await opened(1_000_000, clock)
    expect(again.bandwidth.sleeping).toBe(true)
    clock.advance(3_600_000)
    expect(again.bandwidth.sleeping).toBe(false)
    expect(lines.at(-1)).toBe('a new month has begun: links and circuits are taken again')
    await again.bandwidth.stop()
  })

  it('is not lost where the clock is wrong at the start', async () => {
    const first = await opened(undefined)
    first.counters.add('udp-received-bytes', 900)
    await first.bandwidth.stop()
    const wrong = await opened(undefined, new VirtualClock(0))
    expect(wrong.bandwidth.status().monthBytesIn).toBe(0)
    await wrong.bandwidth.stop()
    const right = await opened(undefined)
    expect(right.bandwidth.status().monthBytesIn).toBe(900)
    await right.bandwidth.stop()
    expect(lines).toEqual([])
  })

  it('begins anew where the file is none, and says so', async () => {
    for (const text of ['{', '{"monthStartMs":1,"bytesIn":-4,"bytesOut":0}', `[${' '.repeat(5_000)}]`]) {
      await writeFile(join(folder, 'month.json'), text)
      expect(await new MonthFile(folder, log).load()).toBeUndefined()
    }
    expect(lines.length).toBe(3)
    expect(lines[0]).toContain('month.json cannot be read')
  })

  it('is a whole file whenever the process is killed', async () => {
    const path = fileURLToPath(new URL('./month-writer.fixture.ts', import.meta.url))
    for (let kill = 0; kill < 2; kill++) {
      const child = spawn(process.execPath, ['--import', 'tsx', path, folder], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(child.stdout, 'data')
      child.kill('SIGKILL')
      await once(child, 'exit')
      const found = await new MonthFile(folder, log).load()
      expect(found?.bytesIn).toBe(found?.bytesOut)
      expect(found?.bytesIn).toBeGreaterThan(0)
    }
    expect(lines).toEqual([])
  })
})
