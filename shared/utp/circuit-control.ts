import type { AckSample, CongestionControl } from './congestion.ts'

const INITIAL_PACKETS = 32
const MIN_PACKETS = 4
/** Rates are measured over a round trip, but over no less than this: event loops run in jerks of a few milliseconds. */
const MIN_ROUND_MS = 20
/** The bandwidth is the highest rate of so many rounds. */
const BANDWIDTH_ROUNDS = 10
/** Time's worth of bandwidth that may be in flight beyond the path's own: jerks again, and acknowledgements that wait. */
const ALLOWANCE_MS = 4
/** 2 / ln 2: the least gain that doubles the rate each round (BBR, draft-cardwell-iccrg-bbr-congestion-control §4.3.1). */
const STARTUP_GAIN = 2.89
const CRUISE_WINDOW_GAIN = 2
/** The pipe is full when so many rounds in a row brought less than a quarter more. */
const FULL_ROUNDS = 3
const FULL_GROWTH = 1.25
/** Pacing by round: one asks for more, one drains what that queued, the rest keep the rate. */
const CYCLE = [1.25, 0.8, 1, 1, 1, 1] as const
/** While the round trip stands this much above its least, a queue is building: sends slower than the rate. */
const QUEUE_SHARE = 0.25
const QUEUE_FLOOR_MS = 5
const QUEUE_GAIN = 0.85
/** Loss in a round that is taken for congestion: by itself, or together with a queue. Below, it is the path's nature. */
const HEAVY_LOSS = 0.2
const QUEUED_LOSS = 0.05
const LOSS_RETREAT = 0.75
const CEILING_GROWTH = 1.05
/** If no round trip near the least was seen for so long, the flight is cut for a round to look for it. */
const PROBE_RTT_AFTER_MS = 10_000
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
  private readonly packetBytes: number
  private readonly maxBytes: number
  /** Rates of the last rounds, in bytes per millisecond. */
  private readonly rates = new Float64Array(BANDWIDTH_ROUNDS)
  private round = 0
  private bandwidth = 0
  /** Bytes in flight that heavy loss has shown to be too many. */
  private ceiling = Number.POSITIVE_INFINITY
  /** After a time-out the window starts small and opens with what arrives. */
  private reopening = Number.POSITIVE_INFINITY
  private gain = STARTUP_GAIN
  private phase = 0
  private fullBandwidth = 0
  private fullRounds = 0
  private nearLeastAt = 0
  // Of the round under way.
  private roundStart = -1
  private roundEnd = 0
  private roundAcked = 0
  private roundLost = 0
  private roundRtt = Number.POSITIVE_INFINITY
  private roundFlight = 0
  private roundStarved = false
  private lastStarved = false

  constructor(packetBytes: number, maxBytes = Number.POSITIVE_INFINITY) {
    this.packetBytes = packetBytes
    this.maxBytes = maxBytes
    this.windowBytes = INITIAL_PACKETS * packetBytes
  }

  acknowledged(sample: AckSample): void {
    if (this.roundStart < 0) {
      // What arrived before the first measured moment says nothing about a rate.
      this.startRound(sample)
      this.nearLeastAt = sample.nowMs
    } else {
      this.roundAcked += sample.ackedBytes
    }
    this.roundLost += sample.lostBytes
    this.roundFlight = Math.max(this.roundFlight, sample.flightBytes + sample.ackedBytes + sample.lostBytes)
    if (sample.rttMs > 0 && sample.rttMs < this.roundRtt) this.roundRtt = sample.rttMs
    if (sample.starved) this.roundStarved = true
    if (sample.rttMs > 0 && sample.rttMs <= sample.leastRttMs + this.queueTolerance(sample.leastRttMs) / 2) {
      this.nearLeastAt = sample.nowMs
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
    this.roundFlight = 0
    this.lastStarved = this.roundStarved
    this.roundStarved = false
  }

  private endRound(sample: AckSample): void {
    const rate = this.roundAcked / (sample.nowMs - this.roundStart)
    const starved = this.roundStarved || this.lastStarved
    this.noteRate(rate, starved)
    const queued = this.roundRtt - sample.leastRttMs > this.queueTolerance(sample.leastRttMs)
    const loss = this.roundLost / Math.max(1, this.roundLost + this.roundAcked)
    const congested = loss > HEAVY_LOSS || (queued && loss > QUEUED_LOSS)
    if (congested) {
      const least = MIN_PACKETS * this.packetBytes
      this.ceiling = Math.max(least, Math.min(this.ceiling, this.roundFlight) * LOSS_RETREAT)
    } else if (loss <= HEAVY_LOSS) {
      this.ceiling *= CEILING_GROWTH
    }
    this.nextMode(sample, queued, congested, starved)
  }

  /** Only a sender that always had something to send measures the path; another may at most find it wider than known. */
  private noteRate(rate: number, starved: boolean): void {
    if (starved && rate <= this.bandwidth) return
    this.round++
    this.rates[this.round % BANDWIDTH_ROUNDS] = rate
    this.bandwidth = Math.max(...this.rates)
  }

  private nextMode(sample: AckSample, queued: boolean, congested: boolean, starved: boolean): void {
    switch (this.mode) {
      case 'startup':
        if (this.bandwidth >= this.fullBandwidth * FULL_GROWTH) {
          this.fullBandwidth = this.bandwidth
          this.fullRounds = 0
        } else if (!starved) {
          this.fullRounds++
        }
        if (this.fullRounds < FULL_ROUNDS && !congested && !queued) return
        this.mode = 'drain'
        this.gain = 1 / STARTUP_GAIN
        return
      case 'drain':
        if (queued && sample.flightBytes > this.bandwidth * (sample.leastRttMs + ALLOWANCE_MS)) return
        this.cruise(1)
        return
      case 'cruise':
        if (sample.nowMs - this.nearLeastAt > PROBE_RTT_AFTER_MS) {
          this.mode = 'probe-rtt'
          this.gain = PROBE_RTT_GAIN
          return
        }
        this.phase = (this.phase + 1) % CYCLE.length
        this.gain = queued ? QUEUE_GAIN : (CYCLE[this.phase] as number)
        return
      case 'probe-rtt':
        this.nearLeastAt = sample.nowMs
        this.cruise(1)
        return
    }
  }

  private cruise(phase: number): void {
    this.mode = 'cruise'
    this.phase = phase
    this.gain = 1
  }

  private queueTolerance(leastRttMs: number): number {
    return Math.max(QUEUE_FLOOR_MS, leastRttMs * QUEUE_SHARE)
  }

  private setWindow(sample: AckSample): void {
    const least = MIN_PACKETS * this.packetBytes
    const rtt = sample.leastRttMs > 0 ? sample.leastRttMs : sample.smoothedRttMs
    let target: number
    if (this.mode === 'startup') {
      // As in slow start: what arrives makes room for as much again.
      target = Math.max(this.windowBytes + sample.ackedBytes, INITIAL_PACKETS * this.packetBytes)
      if (this.bandwidth > 0) {
        target = Math.min(
          target,
          Math.max(INITIAL_PACKETS * this.packetBytes, this.inFlight(STARTUP_GAIN, rtt)),
        )
      }
    } else if (this.mode === 'probe-rtt') {
      target = this.bandwidth * rtt * PROBE_RTT_GAIN
    } else {
      target = this.inFlight(CRUISE_WINDOW_GAIN, rtt)
    }
    if (this.reopening >= target) this.reopening = Number.POSITIVE_INFINITY
    this.windowBytes = Math.max(least, Math.min(target, this.ceiling, this.reopening, this.maxBytes))
    if (this.bandwidth > 0) this.bytesPerSecond = Math.max(least, this.bandwidth * this.gain * 1000)
  }

  private inFlight(gain: number, rttMs: number): number {
    return this.bandwidth * (gain * rttMs + ALLOWANCE_MS)
  }
}
