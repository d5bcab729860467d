import { type ChildProcess, spawn } from 'node:child_process'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import { OWN_PROGRAM, programArguments } from '../lab/child.ts'
import { MAPPER_HEAP_MB, RETRY_MS, STOP_MS } from './constants.ts'
import {
  type MappedPort,
  type MapperSettings,
  type MappingProtocol,
  readReport,
  type WantedPort,
} from './messages.ts'

/** `asking`: not known yet. `none`: no router here maps ports; asked again from time to time. */
export type PortMappingState = 'off' | 'asking' | 'none' | MappingProtocol

export interface PortMappingOptions {
  /** The first is the one that matters. */
  readonly ports: readonly WantedPort[]
  readonly clock: Clock
  /** What routers send here now; undefined if nothing. Called when that changes. */
  onChange(state: PortMappingState, mapped: readonly MappedPort[]): void
  /** Starts the mapper; another in tests. */
  readonly startMapper?: (settings: MapperSettings) => ChildProcess
}

/** Has the router at home send ports here for as long as it runs. Nothing that the router does can fail, delay or end the relay. */
export class PortMapping {
  private readonly options: PortMappingOptions
  private child: ChildProcess | undefined
  private retry: Timer | undefined
  private said = ''
  private stopping: Promise<void> | undefined

  constructor(options: PortMappingOptions) {
    this.options = options
  }

  start(): void {
    const { startMapper = startProcess, ports } = this.options
    let child: ChildProcess
    try {
      child = startMapper({ ports })
    } catch {
      // Of most faults a process tells by an event, but for want of memory there is none to tell.
      this.tryLater()
      return
    }
    this.child = child
    child.on('message', (message) => {
      const report = readReport(message)
      if (report && child === this.child) this.tell(report.via, report.mapped)
    })
    const ended = () => {
      if (child !== this.child) return
      this.child = undefined
      if (!this.stopping) this.tryLater()
    }
    child.once('error', ended)
    child.once('exit', ended)
  }

  /** Takes the mappings back, if the router is quick about it. Done within two seconds. Idempotent. */
  stop(): Promise<void> {
    this.stopping ??= new Promise((resolve) => {
      this.retry?.cancel()
      const { child } = this
      if (!child) {
        resolve()
        return
      }
      const cutOff = this.options.clock.after(STOP_MS, () => {
        child.kill('SIGKILL')
        resolve()
      })
      child.once('exit', () => {
        cutOff.cancel()
        resolve()
      })
      child.kill('SIGTERM')
    })
    return this.stopping
  }

  private tryLater(): void {
    this.tell('none', [])
    this.retry = this.options.clock.after(RETRY_MS, () => this.start())
  }

  private tell(state: PortMappingState, mapped: readonly MappedPort[]): void {
    const text = JSON.stringify([state, mapped])
    if (text === this.said || this.stopping) return
    this.said = text
    this.options.onChange(state, mapped)
  }
}

function startProcess(settings: MapperSettings): ChildProcess {
  return spawn(
    process.execPath,
    [
      `--max-old-space-size=${MAPPER_HEAP_MB}`,
      ...programArguments(OWN_PROGRAM),
      'port-mapper',
      JSON.stringify(settings),
    ],
    // Ctrl-C reaches the relay alone, which then tells this one.
    { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], detached: true },
  )
}
