import { connect } from 'node:net'
import type { Lab } from '../relay-server/lab/lab.ts'
import { addressOf } from '../shared/bytes/address.ts'
import type { Hops } from '../shared/path/select.ts'
import { download, startNodeClient } from './node-client.ts'
import { startByteSource } from './plain-tcp.ts'
import { median, type Section } from './report.ts'

const SOURCE_HOST = '127.0.0.31'
const BYTES = 64 * 2 ** 20
const PLAIN_BYTES = 4 * BYTES
const ROUNDS = 3
const BUILDS = 15
const MB = 1_000_000

/** Bytes per second of one TCP connection, no circuit: what the machine can do between two processes. */
function plainDownload(port: number, bytes: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let got = 0
    let start = 0
    const socket = connect({ host: SOURCE_HOST, port })
    socket.on('connect', () => {
      start = performance.now()
      socket.write(`${bytes}\n`)
    })
    socket.on('data', (chunk) => {
      got += chunk.length
    })
    socket.on('end', () => {
      if (got === bytes) resolve((bytes * 1_000) / (performance.now() - start))
      else reject(new Error(`${got} of ${bytes} bytes came`))
    })
    socket.on('error', reject)
  })
}

async function repeated(times: number, run: () => Promise<number>): Promise<number> {
  const values: number[] = []
  for (let i = 0; i < times; i++) values.push(await run())
  return median(values)
}

/** One stream through one circuit between Node processes on loopback: client, relays and byte source each have their own. */
export async function benchGoodput(lab: Lab): Promise<Section> {
  const source = await startByteSource(SOURCE_HOST)
  try {
    await plainDownload(source.port, BYTES)
    const plain = await repeated(ROUNDS, () => plainDownload(source.port, PLAIN_BYTES))
    const against = { name: 'one plain TCP connection', value: plain / MB }
    const figures = []
    for (const hops of [3, 2, 1] as const) {
      const client = await startNodeClient(lab, hops)
      client.network.start()
      await client.ready()
      const target = addressOf(SOURCE_HOST, source.port)
      await download(client, target, BYTES / 4)
      const rate = await repeated(ROUNDS, () => download(client, target, BYTES))
      client.stop()
      const what = `${hops}-hop circuit, one stream`
      const aim = hops === 3 ? { aim: 20 } : {}
      figures.push({ what, value: rate / MB, unit: 'MB/s', against, ...aim })
    }
    return {
      title: `Goodput between Node processes on loopback, ${BYTES / 2 ** 20} MiB a run, median of ${ROUNDS}`,
      figures: [{ what: against.name, value: against.value, unit: 'MB/s' }, ...figures],
    }
  } finally {
    source.stop()
  }
}

/** Time from the wish for a circuit until it is ready, every hop proven, over a link that is open. */
export async function benchBuild(lab: Lab): Promise<Section> {
  const times = new Map<Hops, number>()
  for (const hops of [1, 2, 3] as const) {
    const client = await startNodeClient(lab, hops)
    client.network.start()
    await client.ready()
    const builds: number[] = []
    for (let i = 0; i < BUILDS; i++) {
      const before = new Set(client.network.status().circuits.map((member) => member.number))
      client.network.renew()
      await settled(client, before)
      for (const { number, circuit, startedMs } of client.network.status().circuits) {
        if (!before.has(number) && circuit.readyAtMs !== undefined) builds.push(circuit.readyAtMs - startedMs)
      }
    }
    client.stop()
    times.set(hops, median(builds))
  }
  const one = times.get(1) ?? Number.NaN
  return {
    title: `Building a circuit, median of ${BUILDS}`,
    figures: [...times].map(([hops, value]) => ({
      what: `${hops} ${hops === 1 ? 'hop' : 'hops'}`,
      value,
      unit: 'ms',
      against: { name: '1 hop', value: one },
    })),
  }
}

/** Until a circuit that is not in `before` is ready. */
async function settled(
  client: Awaited<ReturnType<typeof startNodeClient>>,
  before: ReadonlySet<number>,
): Promise<void> {
  const isDone = () =>
    client.network
      .status()
      .circuits.some(({ number, circuit }) => !before.has(number) && circuit.state === 'ready')
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 2))
}
