import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { useCurves } from '../shared/crypto/curves.ts'
import { BAD_LINKS, CLEAN_LINKS } from '../shared/sim/bad/bad-network.ts'
import {
  type LifeFigures,
  type Trial,
  tryBuilding,
  tryLiving,
  tryStreaming,
} from '../shared/sim/bad/trials.ts'
import { toyAead, toyCurves } from '../shared/sim/toy-crypto.ts'

// `npx tsx bench/bad-networks.ts [--only build,stream,life] [--links bad,clean] [--tries 100] [--megabytes 20] [--minutes 10]
// [--rate 50000] [--seed 1] [--into docs/bad-networks.md]`
// Circuits and streams over simulated links that lose, delay, reorder and double, as tables; into a document between the comments
// `simulated: life` (or build, or stream) and `end of simulated: life`. What is being measured is told on stderr.

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'build,stream,life' },
    links: { type: 'string', default: 'bad,clean' },
    tries: { type: 'string', default: '100' },
    megabytes: { type: 'string', default: '20' },
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '50000' },
    seed: { type: 'string', default: '1' },
    into: { type: 'string' },
  },
})

/** Clients of one simulated network at once, all under load; more tries are more networks, each of a seed of its own. */
const CLIENTS = 10

const number = (option: 'tries' | 'megabytes' | 'minutes' | 'rate' | 'seed') => {
  const value = Number(values[option])
  if (!(value > 0)) throw new Error(`--${option} should be a number above 0`)
  return value
}
const [tries, minutes, rate, seed] = [number('tries'), number('minutes'), number('rate'), number('seed')]
const bytes = number('megabytes') * 1e6

const percent = (share: number) => `${(100 * share).toFixed(1)} %`
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`
const row = (...cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`

/** One kind of trial: the head of its table, and the row of one kind of links. */
const TRIALS = {
  build: {
    head: [
      row('links', 'tries', 'within 15 s', 'median', '95 %', 'longest', 'from nothing, median'),
      row('---', ...Array<string>(6).fill('---:')),
    ],
    measure: async (links: string, trial: Trial) => {
      const { within15s, ms, fromNothingMs } = await tryBuilding(trial, tries)
      const times = [ms.median, ms.p95, ms.most, fromNothingMs.median].map(seconds)
      return row(links, tries, percent(within15s), ...times)
    },
  },
  stream: {
    head: [row('links', 'MB', 'whole', 'time', 'kB/s'), row('---', ...Array<string>(4).fill('---:'))],
    measure: async (links: string, trial: Trial) => {
      const figures = await tryStreaming(trial, bytes)
      const speed = (figures.bytesPerSecond / 1_000).toFixed(0)
      return row(links, bytes / 1e6, figures.whole ? 'yes' : 'no', seconds(1_000 * figures.seconds), speed)
    },
  },
  life: {
    head: [
      row(
        'links',
        'circuits',
        'minutes each',
        'kB/s asked of each',
        'alive to the end',
        'streams not cut',
        'of that came',
      ),
      row('---', ...Array<string>(6).fill('---:')),
    ],
    measure: async (links: string, trial: Trial) => {
      const { alive, uninterrupted, received } = await living(trial)
      const shares = [alive, uninterrupted, received].map(percent)
      return row(links, tries, minutes, rate / 1_000, ...shares)
    },
  },
} as const

/** Network after network, until there were so many tries. */
async function living(trial: Trial): Promise<Pick<LifeFigures, 'alive' | 'uninterrupted' | 'received'>> {
  const sums = { alive: 0, uninterrupted: 0, received: 0 }
  for (let done = 0; done < tries; done += CLIENTS) {
    const clients = Math.min(CLIENTS, tries - done)
    const figures = await tryLiving({ ...trial, seed: seed + done }, clients, minutes, rate)
    const { alive, uninterrupted, received } = figures
    console.error(JSON.stringify({ done: done + clients, alive, uninterrupted, received }))
    sums.alive += alive * clients
    sums.uninterrupted += uninterrupted * clients
    sums.received += received * clients
  }
  const { alive, uninterrupted, received } = sums
  return { alive: alive / tries, uninterrupted: uninterrupted / tries, received: received / tries }
}

function put(document: string, name: string, table: string): void {
  const old = readFileSync(document, 'utf8')
  const between = new RegExp(`(<!-- simulated: ${name} -->\n)[\\s\\S]*?(<!-- end of simulated: ${name} -->)`)
  if (!between.test(old)) throw new Error(`${document} has no place for the figures of ${name}`)
  writeFileSync(
    document,
    old.replace(between, (_all, start, end) => `${start}\n${table}\n\n${end}`),
  )
}

useCurves(toyCurves)
const conditions = Object.entries({ bad: BAD_LINKS, clean: CLEAN_LINKS }).filter(([name]) =>
  values.links.split(',').includes(name),
)
for (const [name, { head, measure }] of Object.entries(TRIALS)) {
  if (!values.only.split(',').includes(name)) continue
  const rows: string[] = []
  for (const [links, wire] of conditions) {
    console.error(`${name}, ${links} links`)
    rows.push(await measure(links, { aead: toyAead, conditions: wire, seed }))
  }
  const table = [...head, ...rows].join('\n')
  if (values.into === undefined) console.log(`${table}\n`)
  else put(values.into, name, table)
}
