import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'

/** Says so, and goes on for long: as a worker of a test runner does. */
const WORKER = `
  console.log('worker works')
  setTimeout(() => console.log('worker was left alone'), 10_000)`
/** Ends at once when it is told to, whatever it has started. */
const RUNNER = `
  require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(WORKER)}], { stdio: 'inherit' })
  process.on('SIGTERM', () => process.exit(0))`
const SCRIPT = `
  import { endWithChildren, run } from ${JSON.stringify(new URL('run.mjs', import.meta.url).href)}
  endWithChildren()
  for (const code of [3, 0]) console.log('code', await run([process.execPath, '-e', 'process.exit(' + code + ')']))
  console.log('code', await run(['/nonexistent/program']))
  console.log('code', await run([process.execPath, '-e', ${JSON.stringify(RUNNER)}]))
  console.log('code', await run([process.execPath, '-e', 'console.log("next")']))`

async function untilSays(process: ChildProcess, output: () => string, text: string): Promise<void> {
  while (!output().includes(text)) await once(process.stdout as NonNullable<ChildProcess['stdout']>, 'data')
}

describe('a script that runs commands', () => {
  it('ends all that they have started when it is ended, and nothing runs after that', async () => {
    const script = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let output = ''
    script.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    const closed = once(script, 'close')
    await untilSays(script, () => output, 'works')
    script.kill('SIGTERM')
    // When nobody is left who could say anything.
    expect(await closed).toEqual([0, null])
    expect(output.trim().split('\n')).toEqual([
      'code 3',
      'code 0',
      'code 1',
      'worker works',
      'code 1',
      'code 1',
    ])
  })
})
