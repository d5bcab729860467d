import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { checksOf } from '../../shared/trust/checks.ts'
import { TrustBook } from '../../shared/trust/trust-book.ts'
import { TrustStore } from './trust-store.ts'

const mid = new Uint8Array(20).fill(3)
const address = addressOf('11.0.0.1', 80) as IpAddress

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-trust-'))
})
afterEach(async () => {
  await chmod(folder, 0o700)
  await rm(folder, { recursive: true })
})

/** A relay's book and its file, in `state`, and what was logged. */
async function opened(state = join(folder, 'state')) {
  const clock = new VirtualClock()
  const book = new TrustBook({ clock })
  const errors: string[] = []
  const log = { error: (message: string) => errors.push(message), info: () => {}, debug: () => {} }
  const store = await TrustStore.open({ folder: state, book, clock, log })
  return { clock, book, store, errors, state, file: join(state, 'trust.book') }
}

describe('the trust book’s file (D-06)', () => {
  it('remembers a spy from one start to the next', async () => {
    const first = await opened()
    first.book.recordChecks({ address, mid, claimed: true }, checksOf(0b00100))
    await first.store.stop()
    const second = await opened()
    expect(second.book.isBlocked(mid)).toBe(true)
    expect(second.book.isBlocked(address)).toBe(true)
    expect(second.errors).toEqual([])
    await second.store.stop()
  })

  it('is for its owner alone, and there is nothing beside it', async () => {
    const { book, store, state, file } = await opened()
    book.markByHand(mid, 'blocked')
    await store.stop()
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await stat(state)).mode & 0o777).toBe(0o700)
    expect(await readdir(state)).toEqual(['trust.book'])
  })

  it('is written once a minute if anything has changed, and not otherwise', async () => {
    const { clock, book, store, file } = await opened()
    clock.advance(180_000)
    await store.save()
    await expect(stat(file)).rejects.toThrow('ENOENT')
    book.markByHand(mid, 'blocked')
    clock.advance(60_000)
    await store.save()
    const first = await stat(file)
    clock.advance(60_000)
    await store.save()
    expect((await stat(file)).ino).toBe(first.ino)
    await store.stop()
    expect(clock.idle).toBe(true)
  })

  it('is whole when the relay was killed while it wrote', async () => {
    const first = await opened()
    first.book.markByHand(mid, 'blocked')
    await first.store.save()
    // What a kill -9 leaves: half of the next one under its other name, and nobody who says goodbye.
    const whole = await readFile(first.file)
    await writeFile(`${first.file}.new`, whole.subarray(0, 20))
    const second = await opened()
    expect(second.book.isBlocked(mid)).toBe(true)
    second.book.markByHand(mid, 'trusted')
    await second.store.stop()
    const third = await opened()
    expect(third.book.verdict(mid).standing).toBe('trusted')
    expect(await readdir(third.state)).toEqual(['trust.book'])
    await third.store.stop()
    await first.store.stop()
  })

  it('is set aside when it is damaged, with a line that says so', async () => {
    const first = await opened()
    first.book.markByHand(mid, 'blocked')
    await first.store.stop()
    const bytes = await readFile(first.file)
    bytes[20] = (bytes[20] ?? 0) ^ 1
    await writeFile(first.file, bytes)
    const second = await opened()
    expect(second.errors).toEqual([expect.stringContaining('damaged')])
    expect(second.errors[0]).toContain('trust.book.damaged')
    expect(second.book.isBlocked(mid)).toBe(false)
    expect(await readFile(`${second.file}.damaged`)).toEqual(bytes)
    second.book.markByHand(mid, 'trusted')
    await second.store.stop()
    const third = await opened()
    expect(third.errors).toEqual([])
    expect(third.book.verdict(mid).standing).toBe('trusted')
    await third.store.stop()
  })

  it('is told of once where it cannot be written, and the relay goes on', async () => {
    const blocked = join(folder, 'a file')
    await writeFile(blocked, '')
    const { book, store, errors } = await opened(join(blocked, 'state'))
    const before = errors.length
    book.markByHand(mid, 'blocked')
    await store.save()
    await store.save()
    await store.stop()
    expect(errors.length).toBe(before + 1)
    expect(errors.at(-1)).toContain('cannot be written')
  })
})
