import { NO_ADDRESS } from '../shared/bytes/address.ts'
import type { WireConditions } from '../shared/sim/wire.ts'
import { STREAM_UTP, streamPacketBytes } from '../shared/stream/constants.ts'
import { CircuitControl } from '../shared/utp/circuit-control.ts'
import type { CongestionControl } from '../shared/utp/congestion.ts'
import { UTP_DEFAULTS, type UtpSettings } from '../shared/utp/constants.ts'
import { Ledbat } from '../shared/utp/ledbat.ts'
import { Pair } from '../shared/utp/pair.fixture.ts'
import type { Figure, Section } from './report.ts'

const MB = 1_000_000
const BOTTLENECK = 10 * MB
/** 100 ms there and back, and a queue of 256 KiB before the bottleneck. */
const PATH: WireConditions = { delayMs: 50, bytesPerSecond: BOTTLENECK, queueBytes: 256 << 10 }
const RUNS = [
  { loss: 0, bytes: 20 * MB },
  { loss: 0.01, bytes: 20 * MB },
  { loss: 0.05, bytes: 10 * MB },
  { loss: 0.2, bytes: 4 * MB },
]

interface Kind {
  readonly name: string
  readonly settings: UtpSettings
  congestion(packetBytes: number): CongestionControl
}

const KINDS: readonly Kind[] = [
  {
    name: 'as in circuits',
    settings: { ...STREAM_UTP, maxPacketBytes: streamPacketBytes(NO_ADDRESS) },
    congestion: (packetBytes) => new CircuitControl(packetBytes),
  },
  {
    name: 'LEDBAT, as to swarm peers',
    settings: UTP_DEFAULTS,
    congestion: (packetBytes) => new Ledbat(packetBytes),
  },
]

/** Goodput of one uTP stream in virtual time, from the first SYN on: the same on every machine. */
export function benchSimulator(): Section {
  const against = { name: 'the bottleneck', value: BOTTLENECK / MB }
  const figures = KINDS.flatMap(({ name, settings, congestion }) =>
    RUNS.map(({ loss, bytes }): Figure => {
      const back = { delayMs: PATH.delayMs ?? 0, loss }
      const pair = new Pair({ there: { ...PATH, loss }, back, settings, congestion })
      const value = pair.goodput(bytes) / MB
      return { what: `${name}, ${100 * loss} % loss`, value, unit: 'MB/s', against }
    }),
  )
  return {
    title: 'One stream in the simulator: 100 ms there and back, 10 MB/s, a queue of 256 KiB',
    figures,
  }
}
