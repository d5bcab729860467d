import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { EXIT_CODE, main } from './cli.ts'
import { loadOrCreateIdentity } from './identity-file.ts'
import { createLog } from './log.ts'
import { NodeRandom } from './node-random.ts'

let folder = ''
let said = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-test-'))
  said = ''
  const collect = (text: unknown) => {
    said += String(text)
    return true
  }
  vi.spyOn(process.stderr, 'write').mockImplementation(collect)
  vi.spyOn(process.stdout, 'write').mockImplementation(collect)
})

afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

describe('the command line (O-03)', () => {
  it('says how it is used when it is used wrongly', async () => {
    expect(await main([])).toBe(EXIT_CODE.usage)
    expect(await main(['fly'])).toBe(EXIT_CODE.usage)
    expect(await main(['run'])).toBe(EXIT_CODE.usage)
    expect(await main(['run', '--speed', '9'])).toBe(EXIT_CODE.usage)
    expect(said).toContain('there is no command fly')
    expect(said).toContain('Usage:')
    expect(await main(['--help'])).toBe(EXIT_CODE.ok)
  })

  it('says where a configuration is wrong', async () => {
    const path = join(folder, 'relay.yaml')
    await writeFile(path, 'nickname: willow\nudp:\n  prot: 1\n')
    expect(await main(['run', '--config', path])).toBe(EXIT_CODE.config)
    expect(said).toContain(`${path}:3: unknown key udp.prot`)
    expect(await main(['run', '--config', join(folder, 'none.yaml')])).toBe(EXIT_CODE.config)
    expect(said).toMatch(/there is no such file \(config-unreadable\)\n$/)
  })

  it('makes an identity that only its owner may read, and never overwrites one', async () => {
    const path = join(folder, 'relay.key')
    expect(await main(['keygen', '--out', path])).toBe(EXIT_CODE.ok)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    const first = await readFile(path, 'utf8')
    expect(await main(['keygen', '--out', path])).toBe(EXIT_CODE.failed)
    expect(await readFile(path, 'utf8')).toBe(first)
    expect(said).toContain(`relay-server: ${path} exists; keys are never overwritten (identity-exists)\n`)
    expect(said).not.toContain(first.trim())
  })
})

describe('the identity file', () => {
  it('is made on the first start and kept from then on', async () => {
    const path = join(folder, 'relay.key')
    const first = await loadOrCreateIdentity(path, new NodeRandom())
    const second = await loadOrCreateIdentity(path, new NodeRandom())
    expect([first.created, second.created]).toEqual([true, false])
    expect(second.keyPair.publicKey.equals(first.keyPair.publicKey)).toBe(true)
  })

  it('is refused when it is something else', async () => {
    const path = join(folder, 'relay.key')
    await writeFile(path, 'not a key\n')
    await expect(loadOrCreateIdentity(path, new NodeRandom())).rejects.toMatchObject({
      code: 'identity-malformed',
    })
  })
})

describe('a path at which nothing can be read or written (O-03)', () => {
  it('ends keygen with the path, why, and what to do, and no stack', async () => {
    const path = join(folder, 'none', 'relay.key')
    expect(await main(['keygen', '--out', path])).toBe(EXIT_CODE.failed)
    expect(said).toBe(
      `relay-server: ${path} cannot be written: there is no such file or folder; make its folder, and let this user write there (identity-unwritable)\n`,
    )
  })

  it('ends the start of a relay likewise', async () => {
    await writeFile(join(folder, 'file'), '')
    const path = join(folder, 'relay.yaml')
    await writeFile(path, 'identity: file/relay.key\n')
    expect(await main(['run', '--config', path])).toBe(EXIT_CODE.failed)
    expect(said).toMatch(/file\/relay\.key cannot be read: .*is a file; .* \(identity-unreadable\)\n$/)
    expect(said).not.toContain('    at ')
  })
})

describe('the log (N-13)', () => {
  it('writes what its level asks for', () => {
    const lines: string[] = []
    for (const level of ['error', 'info', 'debug'] as const) {
      const log = createLog(level, (line) => lines.push(line.slice(25)))
      log.error('a')
      log.info('b')
      log.debug('c')
      lines.push('-')
    }
    expect(lines).toEqual(['error a', '-', 'error a', 'info b', '-', 'error a', 'info b', 'debug c', '-'])
  })
  it('drops what cannot be written, and the process goes on', async () => {
    const log = new URL('./log.ts', import.meta.url).href
    const program = `
      const { createLog } = await import('${log}')
      createLog('error').error('a')
      createLog('error').error('b')
      setImmediate(() => process.stdout.write('alive'))`
    const full = openSync('/dev/full', 'w')
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', full],
    })
    closeSync(full)
    let output = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    const [code] = await once(child, 'close')
    expect([code, output]).toEqual([0, 'alive'])
  })
})
