import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { TrustBook } from '../../shared/trust/trust-book.ts'
import { TrustStore } from './trust-store.ts'

const WRITER = fileURLToPath(new URL('trust-writer.fixture.ts', import.meta.url))

it('the trust book is whole after kill -9 in the middle of writing, and has all that was written (D-06)', {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'culvert-killed-'))
  try {
    const child = spawn(process.execPath, ['--import', 'tsx', WRITER, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(child, 'exit')
    let written = -1
    for await (const line of createInterface({ input: child.stdout })) {
      written = Number(line)
      if (written === 60) child.kill('SIGKILL')
    }
    expect((await ended)[1]).toBe('SIGKILL')
    const errors: string[] = []
    const log = { error: (message: string) => errors.push(message), info: () => {}, debug: () => {} }
    const clock = new VirtualClock()
    const book = new TrustBook({ clock })
    const store = await TrustStore.open({ folder, book, clock, log })
    expect(errors).toEqual([])
    expect(written).toBeGreaterThanOrEqual(60)
    for (let n = 0; n <= Math.min(written, 255); n++) {
      expect(book.isBlocked(new Uint8Array(20).fill(n))).toBe(true)
    }
    await store.stop()
  } finally {
    await rm(folder, { recursive: true })
  }
})
