import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Relay } from './relay.ts'
import { runRelay } from './relay-process.ts'

const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const
const others = SIGNALS.flatMap((signal) => process.listeners(signal))

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-process-'))
})

afterEach(async () => {
  vi.restoreAllMocks()
  for (const signal of SIGNALS) {
    for (const listener of process.listeners(signal)) {
      if (!others.includes(listener)) process.off(signal, listener)
    }
  }
  await rm(folder, { recursive: true })
})

/** A relay that is starting until it is told how that ends. If well, it stops at its admin API, whose token is no file. */
async function starting() {
  const path = join(folder, 'relay.yaml')
  await writeFile(path, 'logLevel: error\nadmin: {enabled: true, tokenFile: .}\n')
  const reload = vi.spyOn(Relay.prototype, 'reload').mockResolvedValue()
  const start = vi.spyOn(Relay.prototype, 'start')
  let running: Promise<void> | undefined
  const end = await new Promise<(error?: Error) => void>((begun) => {
    start.mockImplementation(
      () => new Promise((resolve, reject) => begun((error) => (error ? reject(error) : resolve()))),
    )
    running = runRelay(path)
  })
  return { reload, end, running }
}

describe('a relay that is told to read its certificate anew while it starts (O-06)', () => {
  it('goes on, and reads it once it is up', async () => {
    const { reload, end, running } = await starting()
    expect(process.emit('SIGHUP')).toBe(true)
    expect(reload).not.toHaveBeenCalled()
    end()
    await expect(running).rejects.toMatchObject({ code: 'admin-token-missing' })
    expect(reload).toHaveBeenCalledTimes(1)
  })

  it('reads nothing if it cannot start', async () => {
    const { reload, end, running } = await starting()
    process.emit('SIGHUP')
    end(new Error('the port is busy'))
    await expect(running).rejects.toThrow('the port is busy')
    expect(reload).not.toHaveBeenCalled()
  })
})
