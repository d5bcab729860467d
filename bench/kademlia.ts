import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { useCurves } from '../shared/crypto/curves.ts'
import { simulateChurn } from '../shared/sim/kademlia/churn-run.ts'
import { simulateSybils } from '../shared/sim/kademlia/sybil-run.ts'
import { toyCurves } from '../shared/sim/toy-crypto.ts'

// `npx tsx bench/kademlia.ts --nodes 10000 [--hours 1] [--lookups 2000] [--seed 1] [--out file.json]`: lookups under churn
// `... --sybils 0.25:free,0.1:bound [--per-network 1] [--trials 30] [--lookups 50] [--siege-minutes 5]`: lookups where hostile nodes
// stand, that share of all, with ids of that kind; `--nodes` are the honest ones. [--settle-minutes 20] before either. [--filled] begins
// with tables as they come to be after a long time, in place of joining one by one: for 100,000 nodes.
// Both in virtual time, with the machine that the relay runs; bench/kademlia-report.ts puts the figures into docs/dht.md.

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '1000' },
    hours: { type: 'string', default: '1' },
    lookups: { type: 'string' },
    churn: { type: 'string', default: '0.3' },
    seed: { type: 'string', default: '1' },
    sybils: { type: 'string' },
    'per-network': { type: 'string', default: '1' },
    trials: { type: 'string', default: '30' },
    'siege-minutes': { type: 'string', default: '5' },
    'settle-minutes': { type: 'string', default: '20' },
    'id-policy': { type: 'string' },
    filled: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
})

useCurves(toyCurves)
const perNetwork = Number(values['per-network'])
const startedMs = performance.now()
const town = {
  nodes: Number(values.nodes),
  seed: Number(values.seed),
  churnPerHour: Number(values.churn),
  settlingMs: Number(values['settle-minutes']) * 60_000,
  filled: values.filled,
  ...(values['id-policy'] && {
    settings: { nodeIds: values['id-policy'] === 'off' ? 'off' : 'prefer' } as const,
  }),
}

function tell(done: string, figures?: object): void {
  const seconds = Math.round((performance.now() - startedMs) / 1000)
  const { rss } = process.memoryUsage()
  console.error(`${done}: ${seconds} s of real time, ${Math.round(rss / 2 ** 20)} MiB`)
  // A long run leaves what it has, whatever ends it.
  if (figures && values.out) writeFileSync(values.out, asText(figures))
}

function asText(figures: object): string {
  const realSeconds = Math.round((performance.now() - startedMs) / 1000)
  const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024)
  const options = {
    seed: town.seed,
    churnPerHour: town.churnPerHour,
    idPolicy: values['id-policy'] ?? 'prefer',
    filled: values.filled,
  }
  const run = { ...options, realSeconds, peakMiB }
  return `${JSON.stringify(Array.isArray(figures) ? { ...run, cases: figures } : { ...figures, ...run }, null, 2)}\n`
}

const figures =
  values.sybils === undefined
    ? simulateChurn(
        { ...town, hours: Number(values.hours), lookups: Number(values.lookups ?? 2000) },
        (minutes, soFar) => tell(`${minutes} min`, soFar),
      )
    : simulateSybils(
        {
          ...town,
          cases: values.sybils.split(',').map((each) => {
            const [share, ids] = each.split(':')
            return { share: Number(share), ids: ids === 'free' ? 'free' : 'bound', perNetwork }
          }),
          siegeMs: Number(values['siege-minutes']) * 60_000,
          trials: Number(values.trials),
          lookups: Number(values.lookups ?? 50),
        },
        tell,
      )
if (values.out) writeFileSync(values.out, asText(figures))
else console.log(asText(figures))
