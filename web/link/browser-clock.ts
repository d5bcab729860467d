import type { Clock, Timer } from '../../shared/world/clock.ts'

/**
 * Real time in a page or its worker. What is due runs in a task of a MessageChannel, never in that of a timer: browsers
 * hold timers set by timers set by timers to 4 ms and more (HTML Standard, timer initialisation steps), but not those set
 * from a message. So `after(0)` is the next task, and delays keep their millisecond.
 */
export class BrowserClock implements Clock {
  private readonly channel = new MessageChannel()
  private due: Task[] = []

  constructor() {
    this.channel.port1.onmessage = () => this.runDue()
  }

  now(): number {
    return performance.now()
  }

  wall(): number {
    return Date.now()
  }

  after(delayMs: number, run: () => void): Timer {
    const task = new Task(run, performance.now() + delayMs)
    if (delayMs <= 0) this.enqueue(task)
    else this.wait(task, delayMs)
    return task
  }

  /** Timers may fire a little early: then they wait on. */
  private wait(task: Task, delayMs: number): void {
    const timeout = Math.min(Math.ceil(delayMs), MAX_DELAY_MS)
    task.handle = setTimeout(() => {
      const leftMs = task.dueMs - performance.now()
      if (leftMs > 0) this.wait(task, leftMs)
      else this.enqueue(task)
    }, timeout)
  }

  private enqueue(task: Task): void {
    this.due.push(task)
    if (this.due.length === 1) this.channel.port2.postMessage(undefined)
  }

  private runDue(): void {
    const tasks = this.due
    this.due = []
    for (let i = 0; i < tasks.length; i++) {
      try {
        tasks[i]?.run?.()
      } catch (error) {
        // The others must not suffer for one; the error still is reported.
        for (const task of tasks.slice(i + 1)) this.enqueue(task)
        throw error
      }
    }
  }
}

class Task implements Timer {
  run: (() => void) | undefined
  readonly dueMs: number
  handle: ReturnType<typeof setTimeout> | undefined

  constructor(run: () => void, dueMs: number) {
    this.run = run
    this.dueMs = dueMs
  }

  cancel(): void {
    this.run = undefined
    clearTimeout(this.handle)
  }
}

/** Longer delays make setTimeout fire at once; here they are waited for in parts. */
const MAX_DELAY_MS = 0x7fff_ffff
