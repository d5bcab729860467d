import { readFileSync, writeFileSync } from 'node:fs'
import type { ScaleFigures } from '../shared/sim/scale/run.ts'

// `npx tsx bench/scale-report.ts figures.json [--into docs/scale.md --as day|hour]`: what bench/scale.ts measured, as tables;
// into a document between the comments `figures: day` (or hour) and `end of figures`.

const [file, ...rest] = process.argv.slice(2)
if (file === undefined) throw new Error('which file of figures?')
const option = (name: string) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : undefined)
const figures = JSON.parse(readFileSync(file, 'utf8')) as ScaleFigures & {
  realSeconds: number
  hoursDone?: number
}

const round = (value: number) => Math.round(value).toLocaleString('en')
const percent = (share: number) => `${(100 * share).toFixed(1)} %`
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
const spread = (of: ScaleFigures['buildMs'], show: (value: number) => string) =>
  `${show(of.median)} | ${show(of.p95)} | ${show(of.most)}`

function tables(): string {
  const { options, counters } = figures
  const kinds = Object.keys(figures.packetsPerRelayHour)
  const sum = (counts: Record<string, number>) => Object.values(counts).reduce((all, count) => all + count, 0)
  const row = (name: string, relay: string, client: string) => `| ${name} | ${relay} | ${client} |`
  return `${round(options.relays)} relays, ${round(options.clients)} clients, ${figures.hoursDone ?? options.hours} hours, seed ${options.seed}; ${round(figures.realSeconds / 60)} minutes of real time on a shared machine.

| what | figure |
| --- | ---: |
| visits; on-line at once, median and most | ${round(figures.sessions)}; ${round(figures.online.median)}, ${round(figures.online.most)} |
| lives of relays (each start counts) | ${round(figures.relayLives)} |
| circuits built; failed | ${round(figures.circuitsBuilt)}; ${round(figures.circuitsFailed)} |
| **of circuits begun, built: at their one try** | **${percent(figures.circuitsBuilt / (figures.circuitsBuilt + figures.circuitsFailed))}** |
| visits that never had a circuit | ${round(figures.sessionsWithoutCircuit)} |
| datagrams answered, of those sent through circuits | ${percent(figures.trafficAnswered)} |
| directory of relays: listed, of those that are up, mean and least | ${percent(figures.directoryCoverage.mean)}, ${percent(figures.directoryCoverage.least)} |
| of those listed, down, mean | ${percent(figures.directoryStale.mean)} |
| circuits that died silently; of a destroy; of a lost link | ${round(counters['client-circuit-timed-out'] ?? 0)}; ${round(counters['client-circuit-destroyed'] ?? 0)}; ${round(counters['client-circuit-link-closed'] ?? 0)} |

| time | median | 95 % | longest |
| --- | ---: | ---: | ---: |
| to build a circuit of three hops | ${spread(figures.buildMs, seconds)} |
| from coming to the first circuit: link, directory, circuit | ${spread(figures.firstCircuitMs, seconds)} |
| **from the death of a relay to the use of another circuit** (${round(figures.repairMs.count)} cases) | ${spread(figures.repairMs, seconds)} |

| load | figure |
| --- | ---: |
| peers in a relay's table: least, median, 95 %, most | ${[figures.peersPerTable.least, figures.peersPerTable.median, figures.peersPerTable.p95, figures.peersPerTable.most].map(round).join(', ')} |
| cells sent by a relay per hour: median, 95 %, most | ${[figures.cellsPerRelayHour.median, figures.cellsPerRelayHour.p95, figures.cellsPerRelayHour.most].map(round).join(', ')} |
| **Gini of cells: all relays, exits, the others** | **${[figures.giniAll, figures.giniExits, figures.giniOthers].map((value) => value.toFixed(2)).join(', ')}** |

| sent per node and hour: packets (kB) | relay | client on-line |
| --- | ---: | ---: |
${kinds
  .map((kind) =>
    row(
      kind,
      `${round(figures.packetsPerRelayHour[kind] ?? 0)} (${round((figures.bytesPerRelayHour[kind] ?? 0) / 1000)})`,
      `${round(figures.packetsPerClientHour[kind] ?? 0)} (${round((figures.bytesPerClientHour[kind] ?? 0) / 1000)})`,
    ),
  )
  .join('\n')}
${row(
  'all',
  `${round(sum(figures.packetsPerRelayHour))} (${round(sum(figures.bytesPerRelayHour) / 1000)})`,
  `${round(sum(figures.packetsPerClientHour))} (${round(sum(figures.bytesPerClientHour) / 1000)})`,
)}`
}

const into = option('--into')
if (into === undefined) {
  console.log(tables())
} else {
  const begin = `<!-- figures: ${option('--as') ?? 'day'} -->`
  const end = '<!-- end of figures -->'
  const text = readFileSync(into, 'utf8')
  const from = text.indexOf(begin)
  const to = text.indexOf(end, from)
  if (from < 0 || to < 0) throw new Error(`${into} has no place for them: "${begin}" and "${end}"`)
  writeFileSync(into, `${text.slice(0, from + begin.length)}\n\n${tables()}\n\n${text.slice(to)}`)
}
