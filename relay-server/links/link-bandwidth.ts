import { Bandwidth, type BandwidthStatus, type Shaper } from '../../shared/link/bandwidth.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { RelayConfig } from '../config.ts'
import type { Log } from '../log.ts'
import { MONTH_COUNT_MS, MONTH_SAVE_MS } from './constants.ts'
import { MonthFile } from './month-file.ts'

export interface LinkBandwidthOptions {
  readonly config: Pick<RelayConfig, 'links' | 'state'>
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Log
}

/** What all links of a relay may carry (L-08): rate and burst of what is sent, and the month's bytes, kept in a file. */
export class LinkBandwidth {
  readonly bandwidth: Bandwidth
  private readonly options: LinkBandwidthOptions
  private readonly file: MonthFile
  private readonly timers = new Set<Timer>()
  private counted: { readonly received: number; readonly sent: number }

  /** Reads what this month has carried so far. Never throws. */
  static async open(options: LinkBandwidthOptions): Promise<LinkBandwidth> {
    const file = new MonthFile(options.config.state, options.log)
    return new LinkBandwidth(options, file, await file.load())
  }

  private constructor(
    options: LinkBandwidthOptions,
    file: MonthFile,
    snapshot: Awaited<ReturnType<MonthFile['load']>>,
  ) {
    const { config, clock, counters, log } = options
    const { bytesPerSecond, burstBytes, bytesPerMonth } = config.links.bandwidth
    this.options = options
    this.file = file
    this.counted = { received: counters.get('udp-received-bytes'), sent: counters.get('udp-sent-bytes') }
    this.bandwidth = new Bandwidth({
      clock,
      counters,
      limits: {
        ...(bytesPerSecond !== undefined && { rateBytesPerSecond: bytesPerSecond }),
        ...(burstBytes !== undefined && { burstBytes }),
        ...(bytesPerMonth !== undefined && { monthlyBytes: bytesPerMonth }),
      },
      ...(snapshot && { snapshot }),
      onSleep: () => {
        log.info('the bytes of this month are used up: no new links and circuits until the next')
        void this.save()
      },
      onWake: () => log.info('a new month has begun: links and circuits are taken again'),
    })
    this.every(MONTH_COUNT_MS, () => this.count())
    this.every(MONTH_SAVE_MS, () => void this.save())
  }

  /** Whether the month's bytes are used up. */
  get sleeping(): boolean {
    return this.bandwidth.sleeping
  }

  /** For the UDP socket: only where there is a rate to keep to, since it costs something with every packet. */
  get udpShaper(): Shaper | undefined {
    return this.options.config.links.bandwidth.bytesPerSecond === undefined ? undefined : this.bandwidth
  }

  status(): BandwidthStatus {
    this.count()
    return this.bandwidth.status()
  }

  /** Writes what was counted a last time. */
  async stop(): Promise<void> {
    for (const timer of this.timers) timer.cancel()
    this.timers.clear()
    this.count()
    this.bandwidth.stop()
    await this.save()
  }

  private save(): Promise<void> {
    return this.file.save(this.bandwidth.snapshot())
  }

  /** What UDP has carried since it was last counted. All other links count by themselves, and the UDP socket where it is shaped. */
  private count(): void {
    const { counters } = this.options
    const [received, sent] = [counters.get('udp-received-bytes'), counters.get('udp-sent-bytes')]
    this.bandwidth.received(received - this.counted.received)
    if (this.udpShaper === undefined) this.bandwidth.sent(sent - this.counted.sent)
    this.counted = { received, sent }
  }

  private every(ms: number, run: () => void): void {
    const again = () => {
      const timer = this.options.clock.after(ms, () => {
        this.timers.delete(timer)
        again()
        run()
      })
      this.timers.add(timer)
    }
    again()
  }
}
