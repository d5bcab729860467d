import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'
import { doubledPause } from '../../shared/world/retry.ts'
import type { Log } from '../log.ts'
import { TOR_RETRY_CAP_MS, TOR_RETRY_FIRST_MS, TOR_STEADY_MS, TOR_STOP_MS } from './tor-constants.ts'
import { TorControl } from './tor-control.ts'
import { TorError } from './tor-error.ts'
import { isOnionKey, readOnionKey, writeOnionKey, writeOnionName } from './tor-key-file.ts'
import { fieldsOf, type TorReply } from './tor-reply.ts'

/** `off` before start and after stop; `trying` without tor; `added`: tor has it; `published`: and clients can find it. */
export type OnionState = 'off' | 'trying' | 'added' | 'published'

export interface TorOnionOptions {
  /** Of tor's control port. */
  readonly control: { readonly host: string; readonly port: number }
  readonly password?: string | undefined
  /** Where the service's key is kept (mode 600), and its name for the operator. */
  readonly stateFolder: string
  /** Virtual ports of the service, and the `host:port` that each leads to. At least one. */
  readonly ports: readonly { readonly virtual: number; readonly target: string }[]
  readonly clock: Clock
  readonly random: Random
  /** `tor-onion-added`, `tor-onion-published`, and `tor-control-…` by code. */
  readonly counters: Counters
  readonly log: Log
  /** The service's name is known now, or the state has changed. */
  onChange?(): void
}

/**
 * The relay's own v3 onion service, published through tor's control port, and again with the same key whenever tor comes
 * back. It lives with the control connection, so that it ends with the relay, however that ends.
 */
export class TorOnion {
  private readonly options: TorOnionOptions
  private control: TorControl | undefined
  /** Over which the service is being published. */
  private attempting: TorControl | undefined
  private timer: Timer | undefined
  private failures = 0
  private connectedMs = 0
  private current: OnionState = 'off'
  private serviceName: string | undefined
  /** So that one trouble is told once, not each time. */
  private told: string | undefined

  constructor(options: TorOnionOptions) {
    this.options = options
  }

  get state(): OnionState {
    return this.current
  }

  /** `<56>.onion`; undefined before tor has told it for the first time. Stays when tor is gone: the key is the same. */
  get onion(): string | undefined {
    return this.serviceName
  }

  /** Begins, and goes on until `stop`: whatever fails is logged and tried again. */
  start(): void {
    if (this.current !== 'off') return
    this.become('trying')
    void this.attempt()
  }

  /** Takes the service down. Idempotent. */
  async stop(): Promise<void> {
    this.timer?.cancel()
    const { control } = this
    this.control = undefined
    this.become('off')
    this.attempting?.close()
    if (!control) return
    const limit = this.options.clock.after(TOR_STOP_MS, () => control.close())
    try {
      if (this.serviceName) await control.command(`DEL_ONION ${this.serviceName.replace('.onion', '')}`)
    } catch (error) {
      // The connection's end takes it down as well.
      if (!(error instanceof TorError)) throw error
    } finally {
      limit.cancel()
      control.close()
    }
  }

  private async attempt(): Promise<void> {
    const { control: at, password, clock, random } = this.options
    let control: TorControl | undefined
    try {
      control = await TorControl.open({
        ...at,
        password,
        clock,
        random,
        onEvent: (event) => this.heard(event),
        onClosed: () => {
          const held = this.control !== undefined && this.control === control
          if (held) this.lost(new TorError('tor-control-closed', 'tor closed its control port'))
        },
      })
      this.attempting = control
      if (this.current !== 'off') await this.publish(control)
      if (this.current === 'off') control.close()
      // Lost while the key or the name was being written, which waits for no answer of tor's.
      else if (!control.open) throw new TorError('tor-control-closed', 'tor closed its control port')
      else this.control = control
    } catch (error) {
      control?.close()
      this.lost(error instanceof TorError ? error : unexpected(error))
    } finally {
      this.attempting = undefined
    }
  }

  private async publish(control: TorControl): Promise<void> {
    const { stateFolder, ports, counters } = this.options
    const kept = await readOnionKey(stateFolder)
    await control.command('SETEVENTS HS_DESC')
    const list = ports.map(({ virtual, target }) => `Port=${virtual},${target}`).join(' ')
    const { lines } = await control.command(`ADD_ONION ${kept ?? 'NEW:ED25519-V3'} ${list}`)
    const fields = new Map(lines.flatMap((line) => [...fieldsOf(line)]))
    const id = fields.get('ServiceID') ?? ''
    if (!/^[a-z2-7]{56}$/.test(id))
      throw new TorError('tor-control-protocol', 'tor named no v3 onion service')
    if (kept === undefined) {
      const key = privateKeyIn(lines)
      await writeOnionKey(stateFolder, key)
    }
    const name = `${id}.onion`
    if (name !== this.serviceName) await writeOnionName(stateFolder, name)
    this.serviceName = name
    this.connectedMs = this.options.clock.now()
    counters.add('tor-onion-added')
    if (this.current === 'trying') this.become('added')
    if (this.told !== undefined) this.options.log.info('tor is back: the onion service is published again')
    this.told = undefined
  }

  /** A descriptor of ours is with a directory: from now on it can be found. */
  private heard({ lines }: TorReply): void {
    const [event, action, id] = lines[0]?.split(' ') ?? []
    if (event !== 'HS_DESC' || action !== 'UPLOADED' || this.current === 'off') return
    if (this.serviceName && this.serviceName !== `${id}.onion`) return
    if (this.current !== 'published') this.options.counters.add('tor-onion-published')
    this.become('published')
  }

  /** No control port, or no longer: tried again, after a pause that grows. */
  private lost(error: TorError): void {
    if (this.current === 'off') return
    const { clock, counters, log } = this.options
    const wasSteady = this.control !== undefined && clock.now() - this.connectedMs >= TOR_STEADY_MS
    this.control = undefined
    this.failures = wasSteady ? 0 : this.failures + 1
    counters.add(error.code)
    if (this.told !== error.code)
      log.error(`${error.message}; the relay goes on without its onion service, and tries again`)
    this.told = error.code
    this.become('trying')
    this.timer?.cancel()
    const pauseMs = doubledPause(TOR_RETRY_FIRST_MS, TOR_RETRY_CAP_MS, Math.max(0, this.failures - 1))
    this.timer = clock.after(pauseMs, () => void this.attempt())
  }

  private become(state: OnionState): void {
    if (state === this.current) return
    this.current = state
    this.options.onChange?.()
  }
}

function privateKeyIn(lines: readonly string[]): string {
  const key = lines.find((line) => line.startsWith('PrivateKey='))?.slice('PrivateKey='.length) ?? ''
  if (!isOnionKey(key)) throw new TorError('tor-control-protocol', 'tor made no key for the onion service')
  return key
}

/** Such as a state folder that cannot be written to. */
function unexpected(cause: unknown): TorError {
  const why = (cause as NodeJS.ErrnoException).code ?? String(cause)
  return new TorError('tor-key-malformed', `the onion service's key cannot be kept: ${why}`, { cause })
}
