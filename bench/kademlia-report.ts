import { readFileSync, writeFileSync } from 'node:fs'
import type { ChurnFigures } from '../shared/sim/kademlia/churn-run.ts'
import type { LookupFigures } from '../shared/sim/kademlia/lookup-figures.ts'
import type { SybilFigures } from '../shared/sim/kademlia/sybil-run.ts'

// `npx tsx bench/kademlia-report.ts a.json b.json ... [--into docs/dht.md]`: what bench/kademlia.ts measured, as tables; into a
// document between the comments `figures` and `end of figures`.

interface Run {
  readonly seed: number
  readonly churnPerHour: number
  readonly idPolicy: string
  readonly realSeconds: number
  readonly peakMiB: number
  /** Whether nodes began with the tables of a long time together. */
  readonly filled?: boolean
}
type Churn = ChurnFigures & Run
type Sybils = SybilFigures & Run

const into = process.argv.indexOf('--into')
const document = into < 0 ? undefined : process.argv[into + 1]
const files = process.argv.slice(2).filter((each) => each !== '--into' && each !== document)
const runs = files.flatMap((file): (Churn | Sybils)[] => {
  const { cases, ...run } = JSON.parse(readFileSync(file, 'utf8'))
  return Array.isArray(cases) ? cases.map((each) => ({ ...each, ...run })) : [run]
})
const churns = runs.filter((run): run is Churn => 'findNode' in run).sort((a, b) => a.nodes - b.nodes)
const sieges = runs.filter((run): run is Sybils => 'sybils' in run)

const count = (value: number) => Math.round(value).toLocaleString('en')
const percent = (share: number) => `${(100 * share).toFixed(2)} %`
const spread = ({ median, p95 }: LookupFigures['hops']) => `${count(median)}, ${count(p95)}`

function churnTables(run: Churn): string {
  const row = (name: string, figures: LookupFigures) =>
    `| ${name} | ${count(figures.lookups)} | **${percent(figures.share)}** | ${spread(figures.hops)} | ${spread(figures.asked)} | ${spread(figures.milliseconds)} ms |`
  const { peers, immutable, mutable } = run.contents
  const all = [run.findNode, peers, immutable, mutable]
  const share =
    all.reduce((sum, each) => sum + each.correct, 0) / all.reduce((sum, each) => sum + each.lookups, 0)
  return `**${count(run.nodes)} nodes, ${percent(run.churnPerHour)} an hour leave**${run.filled ? ', tables filled beforehand' : ''}, seed ${run.seed}; ${count(run.realSeconds / 60)} minutes of real time on a shared machine, at most ${count(run.peakMiB)} MiB (${count((run.peakMiB * 1024) / run.nodes)} KiB a node). Of all lookups ${percent(share)} were right.

| looked for | lookups | right | hops: median, 95 % | nodes asked: median, 95 % | time: median, 95 % |
| --- | ---: | ---: | ---: | ---: | ---: |
${row('nodes: the 8 closest', run.findNode)}
${row('peers', peers)}
${row('immutable item', immutable)}
${row('mutable item', mutable)}

Of the 20 closest, lookups for nodes found ${percent(run.closestTwentyFound)}. A node sent ${run.datagramsPerSecond} datagrams a second (${count(run.bytesPerSecond)} bytes), all lookups and upkeep together; a table had ${count(run.tableSize)} nodes.`
}

function siegeTable(): string {
  const rows = sieges
    .map(
      (run) =>
        `| ${count(run.nodes)} | ${percent(run.sybils / run.nodes)} | ${run.ids}${run.idPolicy === 'off' ? ', nobody checks ids' : ''} | ${count(run.all.lookups)} | **${percent(run.all.share)}** | ${percent(run.contents.peers.share)} | ${percent(run.contents.immutable.share)} | ${percent(run.contents.mutable.share)} | ${percent(run.hostileAmongClosest)} |`,
    )
    .join('\n')
  return `| nodes in all | hostile | their ids | lookups | right | peers | immutable | mutable | hostile among the closest found |
| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |
${rows}`
}

const text = [...churns.map(churnTables), ...(sieges.length > 0 ? [siegeTable()] : [])].join('\n\n')
if (document === undefined) {
  console.log(text)
} else {
  const old = readFileSync(document, 'utf8')
  const between = /(<!-- figures -->\n)[\s\S]*?(<!-- end of figures -->)/
  if (!between.test(old)) throw new Error(`${document} has no place for figures`)
  writeFileSync(
    document,
    old.replace(between, (_all, start, end) => `${start}\n${text}\n\n${end}`),
  )
}
