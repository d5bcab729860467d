import { sodiumAead } from '../relay-server/crypto/sodium-aead.ts'
import { type Address, addressOf, type IpAddress } from '../shared/bytes/address.ts'
import { fromHex } from '../shared/bytes/bytes.ts'
import { KeyPair, PublicKey } from '../shared/identity/keys.ts'
import type { WireIdentity } from '../shared/link/wire-session.ts'
import { Circuit } from '../shared/onion/circuit.ts'
import { OwnedCircuits } from '../shared/onion/owned-circuits.ts'
import { CircuitStreams } from '../shared/stream/circuit-streams.ts'
import { type BenchRelay, benchIdentity, dialRelay, PREFIX, startBenchRelay } from './jumbo-relay.ts'
import { startByteSource } from './plain-tcp.ts'
import { median, type Section } from './report.ts'

const SOURCE_HOST = '127.0.0.41'
const RELAY_HOSTS = ['127.0.0.42', '127.0.0.43', '127.0.0.44'] as const
const BYTES = 48 * 2 ** 20
/** Until V8 has compiled what it will: large cells are a tenth as many. */
const WARM_BYTES = { small: 32 * 2 ** 20, jumbo: 128 * 2 ** 20 }
const ROUNDS = 5
const MB = 1_000_000
/** Long enough for the last hop's answer to the question for the size of cells. */
const SETTLE_MS = 200

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Three relays, each with a TLS wire to the next, the exit first made. @returns them as a path: the entry first */
export async function startPath(): Promise<BenchRelay[]> {
  const path: BenchRelay[] = []
  for (const host of [...RELAY_HOSTS].reverse()) path.unshift(await startBenchRelay(host, path[0]?.place))
  return path
}

/** A circuit over the path, and its streams. `jumbo`: its hops are known to run Culvert, so that large cells are asked for. */
interface BenchCircuit {
  readonly circuit: Circuit
  download(source: Address, bytes: number): Promise<number>
}

export async function openCircuit(
  self: WireIdentity,
  path: readonly BenchRelay[],
  jumbo: boolean,
): Promise<BenchCircuit> {
  const [entry] = path
  if (!entry) throw new Error('a path has an entry')
  const owned = new OwnedCircuits(PREFIX, self.counters)
  const streams = new CircuitStreams(self)
  const link = await dialRelay(self, entry.place, {
    onPacket: (from, packet) => owned.receive(from, packet),
    onClosed: (from) => owned.linkClosed(from),
  })
  const circuit = await new Promise<Circuit>((resolve, reject) => {
    const made = new Circuit({
      ...self,
      keyPair: KeyPair.generate(self.random),
      path: path.map(({ place }) => ({
        publicKey: PublicKey.parse(fromHex(place.key)),
        address: addressOf(place.host, place.port) as IpAddress,
        name: place.host,
        culvert: jumbo,
      })),
      link,
      prefix: PREFIX,
      aead: sodiumAead,
      events: {
        ...streams.events,
        changed: () => undefined,
        ready: resolve,
        datagram: () => undefined,
        closed: (_, reason) => reject(new Error(`the circuit closed: ${reason}`)),
      },
    })
    owned.add(made)
    made.start()
  })
  await wait(SETTLE_MS)
  return { circuit, download: (source, bytes) => download(streams, circuit, source, bytes) }
}

/** @returns bytes per second, from the stream's opening to its last byte */
function download(
  streams: CircuitStreams,
  circuit: Circuit,
  source: Address,
  bytes: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let got = 0
    let start = 0
    const stream = streams.on(circuit).open(source, {
      opened: () => {
        start = performance.now()
      },
      data: (chunk) => {
        got += chunk.length
      },
      drained: () => undefined,
      ended: () => {
        const rate = (bytes * 1_000) / (performance.now() - start)
        stream.end()
        if (got === bytes) resolve(rate)
        else reject(new Error(`${got} of ${bytes} bytes came`))
      },
      closed: (reason) => reject(new Error(`the stream closed: ${reason ?? 'no reason'}`)),
    })
    stream.write(new TextEncoder().encode(`${bytes}\n`))
  })
}

/**
 * One stream through three relays in processes of their own, each link TCP with TLS 1.3: cells of up to 16 KiB against cells of
 * 1,472 bytes, by turns, so that what else the machine does falls on both.
 */
export async function benchJumbo(): Promise<Section> {
  const source = await startByteSource(SOURCE_HOST)
  const path = await startPath()
  try {
    const self = benchIdentity()
    const target = addressOf(SOURCE_HOST, source.port)
    const small = await openCircuit(self, path, false)
    const jumbo = await openCircuit(self, path, true)
    const rates = { small: [] as number[], jumbo: [] as number[] }
    await small.download(target, WARM_BYTES.small)
    await jumbo.download(target, WARM_BYTES.jumbo)
    for (let i = 0; i < ROUNDS; i++) {
      rates.small.push(await small.download(target, BYTES))
      rates.jumbo.push(await jumbo.download(target, BYTES))
    }
    const against = { name: 'cells of 1,472 bytes', value: median(rates.small) / MB }
    const bytes = jumbo.circuit.streamMessageBytes.toLocaleString('en')
    return {
      title: `Jumbo cells: 3 hops, every link TCP with TLS 1.3, one stream of ${BYTES / 2 ** 20} MiB, median of ${ROUNDS}`,
      figures: [
        { what: against.name, value: against.value, unit: 'MB/s' },
        {
          what: `cells of up to 16 KiB (messages of ${bytes} bytes)`,
          value: median(rates.jumbo) / MB,
          unit: 'MB/s',
          against,
          aim: 3 * against.value,
        },
      ],
    }
  } finally {
    for (const relay of path) relay.stop()
    source.stop()
  }
}
