import type { Aead } from '../../crypto/aead.ts'
import type { Circuit } from '../../onion/circuit.ts'
import { type Distribution, distribution } from '../scale/measures.ts'
import type { SimClient } from '../scale/sim-client.ts'
import type { WireConditions } from '../wire.ts'
import { BadNetwork, patternByte, SERVER, serverOf, steadyServer } from './bad-network.ts'

/** Time for relays to know each other. */
const WARM_UP_MS = 120_000

export interface Trial {
  readonly aead: Aead
  readonly conditions: WireConditions
  readonly seed?: number
}

export interface BuildFigures {
  readonly tries: number
  /** Share that had a circuit of three hops within 15 s of knowing the relays. */
  readonly within15s: number
  readonly ms: Distribution
  /** From the visitor's coming: with link and directory. */
  readonly fromNothingMs: Distribution
}

/** How long visitors wait for their first circuit of three hops through the pool. */
export async function tryBuilding(
  { aead, conditions, seed = 1 }: Trial,
  tries: number,
): Promise<BuildFigures> {
  const network = new BadNetwork({ aead, conditions, seed, opener: serverOf(0) })
  await network.advance(WARM_UP_MS)
  const ms: number[] = []
  const fromNothingMs: number[] = []
  for (let i = 0; i < tries; i++) {
    const client = network.client()
    const startMs = network.clock.now()
    client.start()
    await network.until(() => client.network.pooled().length > 0, 60_000)
    const builtFromMs = network.clock.now()
    if (await network.until(() => readyPrimary(client) !== undefined, 60_000)) {
      ms.push(network.clock.now() - builtFromMs)
      fromNothingMs.push(network.clock.now() - startMs)
    }
    client.stop()
  }
  const within15s = ms.filter((each) => each <= 15_000).length / tries
  return { tries, within15s, ms: distribution(ms), fromNothingMs: distribution(fromNothingMs) }
}

export interface StreamFigures {
  readonly bytes: number
  readonly whole: boolean
  readonly bytesPerSecond: number
  readonly seconds: number
  readonly closed: string
}

/** One stream of `bytes` from a server behind the exit to a visitor, through three hops. */
export async function tryStreaming(
  { aead, conditions, seed = 1 }: Trial,
  bytes: number,
): Promise<StreamFigures> {
  const network = new BadNetwork({ aead, conditions, seed, opener: serverOf(bytes) })
  await network.advance(WARM_UP_MS)
  const client = network.client()
  client.start()
  await network.until(() => readyPrimary(client) !== undefined, 60_000)
  let received = 0
  let right = true
  let closed = ''
  const startMs = network.clock.now()
  let endMs = startMs
  const stream = client.network.connect(SERVER, {
    opened: () => undefined,
    data: (chunk) => {
      for (const byte of chunk) if (byte !== patternByte(received++)) right = false
      endMs = network.clock.now()
    },
    drained: () => undefined,
    ended: () => stream.end(),
    closed: (reason) => {
      closed = reason ?? 'both sides'
    },
  })
  await network.until(() => closed !== '', 3_600_000)
  client.stop()
  const seconds = (endMs - startMs) / 1000
  return {
    bytes: received,
    whole: right && received === bytes,
    bytesPerSecond: Math.round(received / seconds),
    seconds,
    closed,
  }
}

export interface LifeFigures {
  readonly tries: number
  /** Share of circuits that served for all of the time, and of streams that were not interrupted in it. */
  readonly alive: number
  readonly uninterrupted: number
  /** Share of what was sent at the steady rate that had come by the end. */
  readonly received: number
  readonly ends: Record<string, number>
}

/** How many circuits last `minutes` while a stream of a steady rate comes through them. */
export async function tryLiving(
  { aead, conditions, seed = 1 }: Trial,
  tries: number,
  minutes: number,
  bytesPerSecond: number,
): Promise<LifeFigures> {
  const network = new BadNetwork({ aead, conditions, seed, opener: steadyServer(bytesPerSecond) })
  await network.advance(WARM_UP_MS)
  const circuits: Circuit[] = []
  let interrupted = 0
  let received = 0
  let ending = false
  const clients = Array.from({ length: tries }, () => network.client())
  for (const client of clients) {
    client.start()
    await network.until(() => readyPrimary(client) !== undefined, 60_000)
    const circuit = readyPrimary(client)
    if (circuit) circuits.push(circuit)
    client.network.connect(SERVER, {
      opened: () => undefined,
      data: (chunk) => {
        received += chunk.length
      },
      drained: () => undefined,
      ended: () => undefined,
      closed: () => {
        if (!ending) interrupted++
      },
    })
  }
  const before = received
  await network.advance(minutes * 60_000)
  ending = true
  const alive = circuits.filter((circuit) => circuit.state === 'ready').length
  const figures = {
    tries,
    alive: alive / tries,
    uninterrupted: 1 - interrupted / tries,
    received: (received - before) / (tries * minutes * 60 * bytesPerSecond),
    ends: network.counters.snapshot(),
  }
  for (const client of clients) client.stop()
  return figures
}

function readyPrimary(client: SimClient): Circuit | undefined {
  const primary = client.network.pooled()[0]?.circuit
  return primary?.state === 'ready' ? primary : undefined
}
