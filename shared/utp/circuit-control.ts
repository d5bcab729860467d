import type { AckSample, CongestionControl } from './congestion.ts'
import { PathDelay } from './path-delay.ts'
import { RttNoise } from './rtt-noise.ts'

const INITIAL_PACKETS = 32
const MIN_PACKETS = 4
/** Rates are measured over a round trip, but over no less than this: event loops run in jerks of a few milliseconds. */
const MIN_ROUND_MS = 30
/** The bandwidth is the highest rate of so many rounds. */
const BANDWIDTH_ROUNDS = 10
/**
 * Time's worth of bandwidth that may be in flight beyond the path's own, because event loops run in jerks: twice what round
 * trips stand above the least on average, in rounds in which they also came down to the least, so that it is no queue.
 */
const ALLOWANCE_MS = 3
const MAX_ALLOWANCE_MS = 20
const ALLOWANCE_GAIN = 2
/** 2 / ln 2: the least gain that doubles the rate each round (BBR, draft-cardwell-iccrg-bbr-congestion-control §4.3.1). */
const STARTUP_GAIN = 2.89
const STARTUP_WINDOW_GAIN = 2
const CRUISE_WINDOW_GAIN = 2
/** The pipe is full when so many rounds in a row brought less than a quarter more. */
const FULL_ROUNDS = 3
const FULL_GROWTH = 1.25
/** A probe that brought so much more starts a new climb. */
const CLIMB_GROWTH = 1.15
/** Pacing by round: one asks for more, one drains what that queued, the rest keep the rate. */
const CYCLE = [1.25, 0.8, 1, 1, 1, 1] as const
/** A probe asks for so many packets a round trip more besides, so that among streams of one path small ones grow faster. */
const PROBE_PACKETS = 8
/** While a queue stands, the rates of so few rounds count: they are our share of the bottleneck as it is now. */
const QUEUED_ROUNDS = 3
/** While the round trip stands this much above its least, a queue is building: sends slower than the rate. */
const QUEUE_SHARE = 0.25
const QUEUE_FLOOR_MS = 10
const QUEUE_GAIN = 0.85
/**
 * Loss in a round that is taken for congestion: so much above the path's own, and without a queue as the second sign also above
 * chance. The path's own is the least of the last rounds, some of which were sent slower than the rate.
 */
const LOSS_MARGIN = 0.04
const LOSS_DEVIATIONS = 3
const MAX_OWN_LOSS = 0.4
/** Smaller rounds are taken together until they have so many packets: their losses are mostly chance. */
const LOSS_ROUND_PACKETS = 60
/** The path's own loss is what so many of the last rounds stayed below: the least of all would be the luckiest. */
const OWN_LOSS_RANK = 2
/** Startup ends at once at this loss in a round of some size: a short queue overflows before it shows. */
const STARTUP_LOSS = 0.35
const STARTUP_LOSS_PACKETS = 32
const STARTUP_LOSS_LARGE = 8
/** Startup ends at once at this queue, told by so many measurements (as HyStart++, RFC 9406 §4.2, does). */
const STARTUP_QUEUE_SHARE = 1 / 8
const STARTUP_QUEUE_MIN_MS = 4
const STARTUP_QUEUE_MAX_MS = 16
const STARTUP_QUEUE_SAMPLES = 12
const STARTUP_QUEUE_LEAST_SAMPLES = 3
const LOSS_RETREAT = 0.75
/** The ceiling rises by this in the first round without congestion, and by so much more in each further one, up to the other. */
const CEILING_GROWTH = 0.02
const MAX_CEILING_GROWTH = 0.1
const PROBE_RTT_GAIN = 0.5

type Mode = 'startup' | 'drain' | 'cruise' | 'probe-rtt'

/**
 * Congestion control for streams in circuits: by rate, in the manner of BBR. Cells are lost for reasons that are no
 * congestion, so loss alone changes nothing until it is heavy; the model is the bandwidth seen and the least round trip.
 */
export class CircuitControl implements CongestionControl {
  windowBytes: number
  bytesPerSecond = Number.POSITIVE_INFINITY
  private mode: Mode = 'startup'
  /** Of a small packet: the unit of windows. */
  private readonly packetBytes: number
  /** Of packets as they are now: the unit of chance. */
  private fullBytes: number
  private readonly path: PathDelay
  /** Rates of the last rounds, in bytes per millisecond. */
  private readonly rates = new Float64Array(BANDWIDTH_ROUNDS)
  private round = 0
  /** Shares lost in the last rounds. */
  private readonly losses = new Float64Array(BANDWIDTH_ROUNDS).fill(1)
  private lossRound = 0
  private ownLoss = 0
  /** Bytes lost and arrived that no round was judged by yet. */
  private judgedLost = 0
  private judgedAcked = 0
  private lossSeen = false
  private readonly noise = new RttNoise()
  private bandwidth = 0
  private allowanceMs = ALLOWANCE_MS
  /** Bytes in flight that heavy loss has shown to be too many. */
  private ceiling = Number.POSITIVE_INFINITY
  /** Rounds without congestion since the last one with it. */
  private quietRounds = 0
  /** After a time-out the window starts small and opens with what arrives. */
  private reopening = Number.POSITIVE_INFINITY
  private gain = STARTUP_GAIN
  private phase = 0
  private fullBandwidth = 0
  private bandwidthBeforeProbe = 0
  private fullRounds = 0
  /** Least round trip, in milliseconds: of the circuit, not only of this stream. */
  private least = 0
  /** Measurements in a row that showed a queue in startup, and when the first was. */
  private highRtts = 0
  private highSince = 0
  // Of the round under way.
  private roundStart = -1
  private roundEnd = 0
  private roundAcked = 0
  private roundLost = 0
  private roundRtt = Number.POSITIVE_INFINITY
  private roundRttSum = 0
  private roundRtts = 0
  private roundFlight = 0
  private roundStarved = false
  private roundHeld = false
  private lastStarved = false
  private lastHeld = false

  /** @param path what it shares with the other streams of its circuit */
  constructor(packetBytes: number, path = new PathDelay()) {
    this.packetBytes = packetBytes
    this.fullBytes = packetBytes
    this.path = path
    this.windowBytes = INITIAL_PACKETS * packetBytes
  }

  get queuedBytes(): number {
    return this.path.queuedBytes
  }

  acknowledged(sample: AckSample): void {
    this.fullBytes = Math.max(this.packetBytes, sample.packetBytes)
    if (sample.rttMs > 0) {
      this.noise.note(sample.nowMs, sample.rttMs)
      this.path.note(sample.nowMs, sample.rttMs, this.queueTolerance() / 2)
      this.least = this.path.leastMs
    }
    if (this.roundStart < 0) {
      // What arrived before the first measured moment says nothing about a rate.
      this.startRound(sample)
    } else {
      this.roundAcked += sample.ackedBytes
    }
    this.roundLost += sample.lostBytes
    this.roundFlight = Math.max(this.roundFlight, sample.flightBytes + sample.ackedBytes + sample.lostBytes)
    if (sample.rttMs > 0) {
      this.roundRttSum += sample.rttMs
      this.roundRtts++
      if (sample.rttMs < this.roundRtt) this.roundRtt = sample.rttMs
    }
    if (sample.starved) this.roundStarved = true
    if (sample.held) this.roundHeld = true
    if (this.mode === 'startup' && (this.startupLoss || this.startupQueue(sample)) && !this.isStarved) {
      // Short paths fill within the first round, before a rate was measured.
      if (this.bandwidth === 0)
        this.noteRate(this.roundAcked / (sample.nowMs - this.roundStart), false, false)
      this.drain()
    }
    if (this.mode === 'drain' && sample.flightBytes <= this.inFlight(1, this.workingRtt)) {
      this.cruise(1)
    }
    if (sample.ackedThrough > this.roundEnd && sample.nowMs - this.roundStart >= MIN_ROUND_MS) {
      this.endRound(sample)
      this.startRound(sample)
    }
    if (this.reopening !== Number.POSITIVE_INFINITY) this.reopening += 2 * sample.ackedBytes
    this.setWindow(sample)
  }

  timedOut(): void {
    this.reopening = MIN_PACKETS * this.packetBytes
    this.windowBytes = this.reopening
  }

  private startRound(sample: AckSample): void {
    this.roundStart = sample.nowMs
    this.roundEnd = sample.sentThrough
    this.roundAcked = 0
    this.roundLost = 0
    this.roundRtt = Number.POSITIVE_INFINITY
    this.roundRttSum = 0
    this.roundRtts = 0
    this.roundFlight = 0
    this.lastStarved = this.roundStarved
    this.lastHeld = this.roundHeld
    this.roundStarved = false
    this.roundHeld = false
  }

  private endRound(sample: AckSample): void {
    const rate = this.roundAcked / (sample.nowMs - this.roundStart)
    const starved = this.isStarved || this.roundHeld || this.lastHeld
    const queued = this.roundRtt - this.least > this.queueTolerance()
    this.noteRate(rate, starved, queued)
    if (!queued && this.roundRtts > 0) {
      const above = ALLOWANCE_GAIN * (this.roundRttSum / this.roundRtts - this.least)
      const allowed = Math.min(MAX_ALLOWANCE_MS, Math.max(ALLOWANCE_MS, above))
      this.allowanceMs += (allowed - this.allowanceMs) / 4
    }
    const packets = (this.roundLost + this.roundAcked) / this.fullBytes
    const own = this.ownLoss
    const loss = this.noteLoss(queued) - own
    // Small rounds lose more or less by chance.
    const chance = LOSS_DEVIATIONS * Math.sqrt(Math.max(own, LOSS_MARGIN) / Math.max(1, packets))
    const congested = loss > LOSS_MARGIN + (queued ? 0 : chance)
    this.nextMode(sample, queued, congested, starved)
  }

  /** Whether the sender had too little to send, in this round or the last: what it measured is its own rate, not the path's. */
  private get isStarved(): boolean {
    return this.roundStarved || this.lastStarved
  }

  /** @returns the share lost in the round that ends, and the few before it that were too small; the path's own if this one is */
  private noteLoss(queued: boolean): number {
    this.judgedLost += this.roundLost
    this.judgedAcked += this.roundAcked
    const bytes = this.judgedLost + this.judgedAcked
    if (bytes < LOSS_ROUND_PACKETS * this.fullBytes) return this.ownLoss
    const loss = this.judgedLost / bytes
    this.judgedLost = 0
    this.judgedAcked = 0
    // A climb loses by its own doing.
    if (this.mode === 'startup' || this.mode === 'drain') {
      // Only the first packets, too few to fill anything, show what the path loses by itself.
      if (!this.lossSeen && !queued) this.ownLoss = Math.min(MAX_OWN_LOSS, loss)
      this.lossSeen = true
      return loss
    }
    this.lossRound++
    this.losses[this.lossRound % BANDWIDTH_ROUNDS] = loss
    const known = this.losses.slice().sort()
    const rank = this.isNoisy ? OWN_LOSS_RANK : 0
    const rankKnown = Math.min(rank, Math.max(0, Math.min(this.lossRound, BANDWIDTH_ROUNDS) - 1))
    this.ownLoss = Math.min(MAX_OWN_LOSS, known[rankKnown] as number)
    return loss
  }

  /** Only a sender that always had something to send measures the path; another may at most find it wider than known. */
  private noteRate(rate: number, starved: boolean, queued: boolean): void {
    if (starved && (rate <= this.bandwidth || (this.bandwidth === 0 && this.isStarved))) return
    this.round++
    this.rates[this.round % BANDWIDTH_ROUNDS] = rate
    this.bandwidth = 0
    for (let back = 0; back < (queued ? QUEUED_ROUNDS : BANDWIDTH_ROUNDS); back++) {
      const past = this.rates[(this.round - back + BANDWIDTH_ROUNDS) % BANDWIDTH_ROUNDS] as number
      if (past > this.bandwidth) this.bandwidth = past
    }
  }

  private nextMode(sample: AckSample, queued: boolean, congested: boolean, starved: boolean): void {
    switch (this.mode) {
      case 'startup':
        if (this.bandwidth >= this.fullBandwidth * FULL_GROWTH) {
          this.fullBandwidth = this.bandwidth
          this.fullRounds = 0
          return
        }
        if (starved && !congested) return
        this.fullRounds++
        if (this.fullRounds < FULL_ROUNDS && !(congested && queued)) return
        this.lowerCeiling(congested)
        this.drain()
        return
      case 'drain':
        if (!queued) this.cruise(1)
        return
      case 'cruise':
        this.lowerCeiling(congested)
        if (this.path.probing(sample.nowMs)) {
          this.mode = 'probe-rtt'
          this.gain = PROBE_RTT_GAIN
        } else {
          this.nextPhase(queued, congested)
        }
        return
      case 'probe-rtt':
        if (!this.path.probing(sample.nowMs)) this.cruise(1)
        return
    }
  }

  private nextPhase(queued: boolean, congested: boolean): void {
    this.phase = (this.phase + 1) % CYCLE.length
    if (this.phase === 0) this.bandwidthBeforeProbe = this.bandwidth
    // What was asked for in phase 0 has arrived by the end of phase 1. There is much more to be had: climbs as at first.
    if (
      this.phase === 2 &&
      !queued &&
      !congested &&
      this.bandwidth > this.bandwidthBeforeProbe * CLIMB_GROWTH
    ) {
      this.mode = 'startup'
      this.gain = STARTUP_GAIN
      this.fullBandwidth = this.bandwidth
      this.fullRounds = FULL_ROUNDS - 1
      return
    }
    this.gain = queued ? QUEUE_GAIN : (CYCLE[this.phase] as number)
  }

  private lowerCeiling(congested: boolean): void {
    if (congested) {
      const least = MIN_PACKETS * this.packetBytes
      this.ceiling = Math.max(least, Math.min(this.ceiling, this.roundFlight) * LOSS_RETREAT)
      this.quietRounds = 0
    } else {
      this.quietRounds++
      const more = CEILING_GROWTH * (this.isNoisy ? this.quietRounds : 1)
      this.ceiling *= 1 + Math.min(MAX_CEILING_GROWTH, more)
    }
  }

  private drain(): void {
    this.mode = 'drain'
    this.gain = 1 / STARTUP_GAIN
  }

  private cruise(phase: number): void {
    this.mode = 'cruise'
    this.phase = phase
    this.bandwidthBeforeProbe = Number.POSITIVE_INFINITY
    this.gain = 1
  }

  private get startupLoss(): boolean {
    const lost = this.roundLost
    return (
      lost > Math.max(STARTUP_LOSS_PACKETS * this.packetBytes, STARTUP_LOSS_LARGE * this.fullBytes) &&
      lost > (this.ownLoss + STARTUP_LOSS * (1 - this.ownLoss)) * (lost + this.roundAcked)
    )
  }

  /** Whether round trips have stood above the least for long enough to be no burst of our own. */
  private startupQueue(sample: AckSample): boolean {
    const { least } = this
    const share = Math.min(STARTUP_QUEUE_MAX_MS, Math.max(STARTUP_QUEUE_MIN_MS, least * STARTUP_QUEUE_SHARE))
    const limit = Math.max(share, this.noise.spreadMs)
    if (sample.rttMs === 0) return false
    if (sample.rttMs <= least + limit) {
      this.highRtts = 0
      return false
    }
    if (this.highRtts === 0) this.highSince = sample.nowMs
    this.highRtts++
    // Of large packets there are fewer while as much piles up.
    const needed = Math.max(
      STARTUP_QUEUE_LEAST_SAMPLES,
      (STARTUP_QUEUE_SAMPLES * this.packetBytes) / this.fullBytes,
    )
    return this.highRtts >= needed && sample.nowMs - this.highSince > least / 4
  }

  private queueTolerance(): number {
    return Math.max(QUEUE_FLOOR_MS, this.least * QUEUE_SHARE, this.noise.spreadMs)
  }

  /** Whether jitter is so large that loss and delay say little about queues. */
  private get isNoisy(): boolean {
    return this.noise.spreadMs > Math.max(2 * QUEUE_FLOOR_MS, this.least * QUEUE_SHARE)
  }

  /** The least round trip, and of what they take beyond it so much as is noise and no queue. */
  private get workingRtt(): number {
    return this.least + this.noise.beyond(this.least)
  }

  private setWindow(sample: AckSample): void {
    const least = MIN_PACKETS * this.packetBytes
    const rtt = this.least > 0 ? this.workingRtt : sample.smoothedRttMs
    let target: number
    if (this.mode === 'startup') {
      // As in slow start: what arrives makes room for as much again.
      target = Math.max(this.windowBytes + sample.ackedBytes, INITIAL_PACKETS * this.packetBytes)
      if (this.bandwidth > 0) {
        target = Math.min(
          target,
          Math.max(INITIAL_PACKETS * this.packetBytes, this.inFlight(STARTUP_WINDOW_GAIN, rtt)),
        )
      }
    } else if (this.mode === 'probe-rtt') {
      target = this.bandwidth * rtt * PROBE_RTT_GAIN
    } else {
      target = this.inFlight(CRUISE_WINDOW_GAIN, rtt)
    }
    if (this.reopening >= target) this.reopening = Number.POSITIVE_INFINITY
    this.windowBytes = Math.max(least, Math.min(target, this.ceiling, this.reopening))
    if (this.bandwidth === 0) return
    const more = this.gain === CYCLE[0] ? (PROBE_PACKETS * this.packetBytes) / Math.max(rtt, MIN_ROUND_MS) : 0
    this.bytesPerSecond = Math.max(least, ((this.bandwidth * this.gain + more) * 1000) / (1 - this.ownLoss))
  }

  private inFlight(gain: number, rttMs: number): number {
    return (this.bandwidth * (gain * rttMs + this.allowanceMs)) / (1 - this.ownLoss)
  }
}
