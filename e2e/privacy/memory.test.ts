import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { searchProcessMemory } from './memory.ts'

/** Keeps what it reads from standard input (hex) as bytes, well inside a big buffer, and says when it has it. */
const keeper = `
let hex = ''
process.stdin.on('data', (part) => { hex += part }).on('end', () => {
  globalThis.kept = Buffer.alloc(3_000_000)
  for (const at of [5, 1_234_567, 2_999_000]) Buffer.from(hex, 'hex').copy(globalThis.kept, at)
  process.stdout.write('ready')
})
setInterval(() => globalThis.kept, 1000)`

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

async function processKeeping(secret: Uint8Array): Promise<number> {
  const child = spawn(process.execPath, ['-e', keeper], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  child.stdin.end(Buffer.from(secret).toString('hex'))
  await once(child.stdout, 'data')
  if (child.pid === undefined) throw new Error('the child did not start')
  return child.pid
}

describe('a search of process memory, for the privacy proof (W-03)', () => {
  test('finds what a process holds, and not what it does not', async () => {
    const [held, other] = [randomBytes(20), randomBytes(20)]
    const found = await searchProcessMemory(await processKeeping(held), [held, other])
    expect(found.get(held)).toBeGreaterThanOrEqual(3)
    expect(found.get(other)).toBe(0)
  })

  test('does not find it in a process that never had it', async () => {
    const [secret, decoy] = [randomBytes(20), randomBytes(20)]
    const found = await searchProcessMemory(await processKeeping(decoy), [secret])
    expect(found.get(secret)).toBe(0)
  })

  test('finds the same whatever the size of its chunks', async () => {
    const held = randomBytes(2_048)
    const pid = await processKeeping(held)
    const whole = await searchProcessMemory(pid, [held, held.subarray(0, 16)])
    const pieces = await searchProcessMemory(pid, [held, held.subarray(0, 16)], { chunkBytes: 65_537 })
    expect(whole.get(held)).toBeGreaterThanOrEqual(3)
    expect([...pieces.values()]).toEqual([...whole.values()])
  })
})
