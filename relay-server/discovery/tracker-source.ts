import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { IpAddress } from '../../shared/bytes/address.ts'
import { concat } from '../../shared/bytes/bytes.ts'
import type { Candidate, DiscoverySource, SourceRun } from '../../shared/discovery/source.ts'
import type { AnnounceAnswer, AnnounceEvent } from '../../shared/discovery/tracker-wire.ts'
import type { Clock } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import { type Random, uint32 } from '../../shared/world/random.ts'
import { doubledPause } from '../../shared/world/retry.ts'
import { TRACKER_LIMITS } from './constants.ts'
import { announceHttp } from './http-tracker.ts'
import { TrackerError, type TrackerRequest, type TrackerWorld } from './tracker-request.ts'
import { announceUdp } from './udp-tracker.ts'

export interface TrackerSourceOptions {
  readonly urls: readonly string[]
  /** 20 bytes: under what relays of the network are announced. */
  readonly infoHash: Uint8Array
  readonly clock: Clock
  readonly random: Random
  /** `tracker-announced`, `tracker-failed`, and refusals by code. */
  readonly counters: Counters
  /** The UDP port that others reach us at. */
  port(): number
  /** Whether enough relays are known: told to trackers as `completed`. */
  isContent(): boolean
  readonly resolve: TrackerWorld['resolve']
  readonly from: TrackerWorld['from']
  /** How long a stopping relay waits for trackers to hear of it. */
  readonly stopMs?: number
}

interface Tracker {
  readonly url: URL
  /** On the clock; no announce before. */
  nextMs: number
  trackerId: Uint8Array | undefined
  started: boolean
  completed: boolean
  failures: number
  /** What it told last. */
  peers: readonly IpAddress[]
}

const STOP_MS = 1_000

/** Relays found as trackers find peers (D-03): all trackers at once, each in its own time. */
export class TrackerSource implements DiscoverySource {
  readonly method = 'tracker'
  private readonly options: TrackerSourceOptions
  private readonly trackers: readonly Tracker[]
  private readonly peerId: Uint8Array
  private readonly key: number
  private readonly stopping = new AbortController()

  constructor(options: TrackerSourceOptions) {
    const { urls, random } = options
    this.options = options
    this.peerId = concat(utf8ToBytes('-CV0100-'), random.bytes(12))
    this.key = uint32(random)
    this.trackers = urls.map((url) => ({
      url: new URL(url),
      nextMs: 0,
      trackerId: undefined,
      started: false,
      completed: false,
      failures: 0,
      peers: [],
    }))
  }

  /** Announces to every tracker whose time has come; of the others, what they told last counts once more. */
  run(report: (candidates: readonly Candidate[]) => void, done: (success: boolean) => void): SourceRun {
    const ending = new AbortController()
    const now = this.options.clock.now()
    const asked = this.trackers.map(async (tracker) => {
      const answered =
        now < tracker.nextMs ? tracker.failures === 0 : await this.announce(tracker, ending.signal)
      report(tracker.peers.map((address) => ({ address })))
      return answered
    })
    void Promise.all(asked).then((answered) => done(answered.includes(true)))
    return { cancel: () => ending.abort() }
  }

  notBefore(): number {
    const now = this.options.clock.now()
    return Math.max(0, Math.min(...this.trackers.map(({ nextMs }) => nextMs - now)))
  }

  /** Tells the trackers that the relay is gone; waits a second at most. */
  async stop(): Promise<void> {
    this.stopping.abort()
    const signal = AbortSignal.timeout(this.options.stopMs ?? STOP_MS)
    await Promise.all(
      this.trackers.map(async (tracker) => {
        if (tracker.started) await this.ask(tracker, 'stopped', signal).catch(() => undefined)
      }),
    )
  }

  private async announce(tracker: Tracker, signal: AbortSignal): Promise<boolean> {
    const { clock, counters, isContent } = this.options
    const { intervalMs, minIntervalMs, maxIntervalMs, failedMs } = TRACKER_LIMITS
    const completed = tracker.started && !tracker.completed && isContent()
    const event = tracker.started ? (completed ? 'completed' : undefined) : 'started'
    // Whatever comes of it: nobody is asked twice at once.
    tracker.nextMs = clock.now() + minIntervalMs
    try {
      const answer = await this.ask(tracker, event, AbortSignal.any([signal, this.stopping.signal]))
      const waitMs = 1000 * Math.max(answer.interval ?? intervalMs / 1000, answer.minInterval ?? 0)
      tracker.nextMs = clock.now() + Math.min(maxIntervalMs, Math.max(minIntervalMs, waitMs))
      tracker.peers = answer.peers
      tracker.trackerId = answer.trackerId ?? tracker.trackerId
      tracker.started = true
      tracker.completed ||= completed
      tracker.failures = 0
      counters.add('tracker-announced')
      return true
    } catch (error) {
      // Whatever a stranger's answer brought about ends here: nobody above waits for an error.
      counters.add('tracker-failed')
      counters.add(error instanceof TrackerError ? error.code : 'tracker-unexpected')
      tracker.nextMs = clock.now() + doubledPause(failedMs, maxIntervalMs, Math.min(tracker.failures, 10))
      tracker.failures++
      return false
    }
  }

  private ask(tracker: Tracker, event: AnnounceEvent, signal: AbortSignal): Promise<AnnounceAnswer> {
    const { infoHash, random, resolve, from, port, isContent } = this.options
    const { url, trackerId } = tracker
    const announce = {
      infoHash,
      peerId: this.peerId,
      port: port(),
      event,
      looking: !isContent(),
      key: this.key,
      wanted: event === 'stopped' ? 0 : TRACKER_LIMITS.wanted,
    }
    const request: TrackerRequest = { url, announce, trackerId }
    const world: TrackerWorld = { random, resolve, from, signal }
    return url.protocol === 'udp:' ? announceUdp(request, world) : announceHttp(request, world)
  }
}
