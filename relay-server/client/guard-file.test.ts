import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { GUARDS } from '../../shared/path/constants.ts'
import { GuardFile } from './guard-file.ts'

const base = mkdtempSync(join(tmpdir(), 'culvert-guards-'))
const folder = join(base, 'state')

afterEach(() => rmSync(folder, { recursive: true, force: true }))
afterAll(() => rmSync(base, { recursive: true, force: true }))

describe('guards of a program, kept for weeks (C-05)', () => {
  it('are there in the next run, for each network apart, and for their owner alone', async () => {
    const file = new GuardFile(folder, 'test')
    await expect(file.load()).rejects.toMatchObject({ code: 'ENOENT' })
    void file.save(Uint8Array.of(1))
    void file.save(Uint8Array.of(1, 2))
    await file.saved()
    expect(await new GuardFile(folder, 'test').load()).toEqual(Uint8Array.of(1, 2))
    await expect(new GuardFile(folder, 'other').load()).rejects.toMatchObject({ code: 'ENOENT' })
    expect(readdirSync(folder)).toEqual(['guards.test'])
    expect(statSync(join(folder, 'guards.test')).mode & 0o777).toBe(0o600)
  })

  it('are not read where the file is larger than any list of guards', async () => {
    const file = new GuardFile(folder, 'test')
    await file.save(new Uint8Array(GUARDS.maxStoredBytes))
    expect((await file.load())?.length).toBe(GUARDS.maxStoredBytes)
    writeFileSync(join(folder, 'guards.test'), new Uint8Array(GUARDS.maxStoredBytes + 1))
    expect(await file.load()).toBeUndefined()
  })

  it('are kept again once there is room', async () => {
    const file = new GuardFile(folder, 'test')
    writeFileSync(folder, 'in the way')
    await expect(file.save(Uint8Array.of(1))).rejects.toThrow()
    await expect(file.saved()).rejects.toThrow()
    rmSync(folder)
    await file.save(Uint8Array.of(2))
    expect(await file.load()).toEqual(Uint8Array.of(2))
  })
})
