import { type ChildProcess, spawn } from 'node:child_process'
import { CulvertError } from '../../shared/bytes/error.ts'
import { projectPath } from './folders.ts'

/** Another process of this program, with its own command. */
export interface Child<Ready> {
  readonly pid: number
  readonly ready: Ready
  /** Whether the process is still there. */
  readonly running: boolean
  /** Asks it to end, and ends it if it does not within a few seconds. */
  stop(): Promise<void>
  /** Called once if it ends without having been asked to. */
  onCrash(run: () => void): void
}

const READY_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_MS = 4_000

/** The start file of this program, of the build or of the sources. */
export function programArguments(program: Program): string[] {
  return program === 'built'
    ? [projectPath('dist/relay-server/main.js')]
    : ['--import', 'tsx', projectPath('relay-server/main.ts')]
}

/** Which of the two this code itself is. */
export const OWN_PROGRAM: Program = import.meta.url.endsWith('.ts') ? 'sources' : 'built'

export type Program = 'built' | 'sources'

/**
 * Starts `relay-server <command>` and waits until it says that it is ready, over the channel between the two. The child
 * ends by itself when that channel closes, however this process came to its end.
 * Throws a CulvertError `child-failed` with what the child wrote last.
 */
export async function startChild<Ready extends { readonly type: 'ready' }>(
  name: string,
  program: Program,
  command: readonly string[],
  onOutput: (line: string) => void,
): Promise<Child<Ready>> {
  const child = spawn(process.execPath, [...programArguments(program), ...command], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Ctrl-C reaches the parent alone, which then ends its children in order.
    detached: true,
  })
  let last = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    last = (last + text).slice(-2000)
    for (const line of text.split('\n')) if (line) onOutput(`${name}: ${line}`)
  })
  const ready = await readyMessage<Ready>(
    child,
    () => `${name} did not start: ${last.trim() || 'it said nothing'}`,
  )
  let asked = false
  let crashed: () => void = () => undefined
  const running = () => child.exitCode === null && child.signalCode === null
  child.once('exit', () => {
    if (!asked) crashed()
  })
  return {
    pid: child.pid ?? 0,
    ready,
    get running() {
      return running()
    },
    stop() {
      asked = true
      return running() ? end(child) : Promise.resolve()
    },
    onCrash(run) {
      crashed = run
    },
  }
}

function readyMessage<Ready>(child: ChildProcess, failure: () => string): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const fail = () => {
      child.kill('SIGKILL')
      reject(new CulvertError('child-failed', failure()))
    }
    const timer = setTimeout(fail, READY_TIMEOUT_MS)
    child.once('error', fail)
    child.once('exit', fail)
    child.on('message', (message: { type?: unknown } | null) => {
      if (message?.type !== 'ready') return
      clearTimeout(timer)
      child.off('exit', fail)
      resolve(message as Ready)
    })
  })
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    child.kill('SIGTERM')
  })
}
