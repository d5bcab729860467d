import { Buffer } from 'node:buffer'

/**
 * What packages written for Node expect on the global object. Import this before any of them. In Node it changes nothing.
 */
const target = globalThis as unknown as {
  Buffer?: unknown
  process?: Record<string, unknown>
  global?: unknown
}

target.global ??= globalThis
target.Buffer ??= Buffer
target.process ??= {}
target.process.browser ??= true
target.process.env ??= {}
target.process.nextTick ??= (run: (...args: unknown[]) => void, ...args: unknown[]) =>
  queueMicrotask(() => run(...args))
