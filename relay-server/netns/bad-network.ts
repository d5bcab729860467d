import { parseArgs } from 'node:util'
import { BadNetwork, type ClientLink } from './bad-network.fixture.ts'
import { BAD } from './bad-wires.ts'

/**
 * The long measurement of a network of bad wires, in real time:
 * `npx tsx relay-server/netns/bad-network.ts --tries 100 --megabytes 20 --minutes 10 --entry websocket`. Needs root. Ends with
 * exit code 1 if a target of docs/bad-networks.md is missed.
 */

const AT_ONCE = 5
const PIECE_BYTES = 500_000

const { values } = parseArgs({
  options: {
    tries: { type: 'string', default: '100' },
    megabytes: { type: 'string', default: '20' },
    minutes: { type: 'string', default: '10' },
    /** `websocket`, as pages come, or `udp`, as relays do. */
    entry: { type: 'string', default: 'websocket' },
    /** Lets packets with different delays overtake each other, as tc netem does. */
    unordered: { type: 'boolean', default: false },
  },
})
const tries = Number(values.tries)
const bytes = Number(values.megabytes) * 1_000_000
const lifeMs = Number(values.minutes) * 60_000
const entry = values.entry === 'udp' ? 'udp' : 'websocket'
const say = (line: string) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`)
const seconds = (ms: number) => (ms / 1000).toFixed(1)

/** @returns whether enough were built in time */
async function measureBuilding(links: readonly ClientLink[]): Promise<boolean> {
  const built: number[] = []
  const failed = new Map<string, number>()
  let left = tries
  await Promise.all(
    links.map(async (link) => {
      while (left-- > 0) {
        const { state, ms } = await link.build()
        if (state === 'ready') built.push(ms)
        else failed.set(state, (failed.get(state) ?? 0) + 1)
        await link.discard()
      }
    }),
  )
  built.sort((a, b) => a - b)
  const at = (share: number) => seconds(built[Math.floor(share * (built.length - 1))] ?? Number.NaN)
  const reasons = [...failed].map(([why, count]) => `, ${count} ${why}`).join('')
  say(
    `${built.length} of ${tries} circuits of 3 hops within 15 s: median ${at(0.5)} s, 90 % ${at(0.9)} s, longest ${at(1)} s${reasons}`,
  )
  return built.length >= 0.9 * tries
}

/** @returns whether the stream was whole, and the circuit lived as long as it had to */
async function measureLife(link: ClientLink): Promise<boolean> {
  let state = (await link.build()).state
  for (let again = 0; state !== 'ready' && again < 5; again++) state = (await link.build()).state
  const start = performance.now()
  const { whole, bytes: got, ms, end } = await link.download(bytes)
  say(
    `stream of ${got} bytes: ${whole ? 'whole' : `not whole (${end})`}, ${seconds(ms)} s, ${(got / ms).toFixed(1)} kB/s`,
  )
  let more = 0
  while (performance.now() - start < lifeMs && (await link.state()) === 'ready') {
    more += (await link.download(PIECE_BYTES)).bytes
  }
  state = await link.state()
  say(`the circuit under load for ${seconds(performance.now() - start)} s, ${more} bytes more: ${state}`)
  return whole && state === 'ready'
}

const network = await BadNetwork.open({ ...BAD, keepsOrder: !values.unordered })
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    network.close()
    process.exit(1)
  })
}
try {
  say(`three relays are up; clients come by ${entry}`)
  const links = await Promise.all(Array.from({ length: AT_ONCE }, () => network.connect(entry)))
  const [first] = links
  const fine = [await measureBuilding(links), first === undefined || (await measureLife(first))]
  const { sent, lost, reordered, duplicated, overflowed } = await network.packets()
  say(
    `${sent} packets: ${lost} lost, ${reordered} held back, ${duplicated} doubled, ${overflowed} without room`,
  )
  process.exitCode = fine.every(Boolean) ? 0 : 1
} finally {
  network.close()
}
