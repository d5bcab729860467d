import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { CHROMIUM, CHROMIUM_FLAGS } from '../e2e/chromium.ts'

/**
 * Chromium under nothing but its own debugging protocol, and of that only what runs a script: a test driver that listens to
 * network events would copy every WebSocket frame and become what is measured.
 */
export interface BenchPage {
  /** Runs an expression in the page and gives its value, awaited. */
  evaluate<T>(expression: string): Promise<T>
  stop(): Promise<void>
}

const ARGUMENTS = [...CHROMIUM_FLAGS, '--headless', '--remote-debugging-port=0']

interface Answer {
  readonly id: number
  readonly result?: { readonly result: { readonly value: unknown }; readonly exceptionDetails?: unknown }
}

export async function openPage(url: string): Promise<BenchPage> {
  const folder = await mkdtemp(join(tmpdir(), 'culvert-bench-'))
  const child = spawn(CHROMIUM, [...ARGUMENTS, `--user-data-dir=${folder}`, url], { stdio: 'ignore' })
  const port = await debuggingPort(folder)
  const socket = await connected(await pageSocket(port))
  const waiting = new Map<number, (answer: Answer) => void>()
  let lastId = 0
  socket.on('message', (text) => {
    const answer = JSON.parse(String(text)) as Answer
    waiting.get(answer.id)?.(answer)
    waiting.delete(answer.id)
  })
  return {
    async evaluate<T>(expression: string) {
      const id = ++lastId
      const params = { expression, awaitPromise: true, returnByValue: true }
      const answer = await new Promise<Answer>((resolve) => {
        waiting.set(id, resolve)
        socket.send(JSON.stringify({ id, method: 'Runtime.evaluate', params }))
      })
      if (!answer.result || answer.result.exceptionDetails) throw new Error(`the page refused: ${expression}`)
      return answer.result.result.value as T
    },
    async stop() {
      socket.close()
      await ended(child)
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
    },
  }
}

async function debuggingPort(folder: string): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const text = await readFile(join(folder, 'DevToolsActivePort'), 'utf8').catch(() => '')
    const port = Number(text.split('\n')[0])
    if (port > 0) return port
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('chromium did not open its debugging port')
}

async function pageSocket(port: number): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const response = await fetch(`http://127.0.0.1:${port}/json/list`)
    const targets = (await response.json()) as { type: string; webSocketDebuggerUrl: string }[]
    const page = targets.find((target) => target.type === 'page')
    if (page) return page.webSocketDebuggerUrl
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('chromium opened no page')
}

function connected(url: string): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url)
    socket.once('open', () => resolve(socket))
    socket.once('error', reject)
  })
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill()
  })
}
