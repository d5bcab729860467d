import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { useCurves } from '../shared/crypto/curves.ts'
import { COARSE } from '../shared/sim/scale/population.ts'
import { simulateScale } from '../shared/sim/scale/run.ts'
import { toyAead, toyCurves } from '../shared/sim/toy-crypto.ts'

// `npx tsx bench/scale.ts --relays 1000 --clients 10000 --hours 24 --seed 1 [--coarse] [--real-crypto] [--out file.json]`
// The whole network in virtual time (docs/scale.md).

const { values } = parseArgs({
  options: {
    relays: { type: 'string', default: '1000' },
    clients: { type: 'string', default: '10000' },
    hours: { type: 'string', default: '24' },
    seed: { type: 'string', default: '1' },
    coarse: { type: 'boolean', default: false },
    'real-crypto': { type: 'boolean', default: false },
    out: { type: 'string' },
  },
})

let aead = toyAead
if (values['real-crypto']) {
  aead = (await import('../relay-server/crypto/sodium-aead.ts')).sodiumAead
  useCurves((await import('../relay-server/crypto/sodium-curves.ts')).sodiumCurves)
} else {
  useCurves(toyCurves)
}

const startedMs = performance.now()
const seconds = () => ((performance.now() - startedMs) / 1000).toFixed(0)
const figures = await simulateScale({
  aead,
  options: {
    relays: Number(values.relays),
    clients: Number(values.clients),
    hours: Number(values.hours),
    seed: Number(values.seed),
    ...(values.coarse ? COARSE : {}),
  },
  progress: (hours, online, figuresSoFar) => {
    const megabytes = Math.round(process.memoryUsage().rss / 2 ** 20)
    console.error(`${hours} h, ${online} clients on-line, ${seconds()} s of real time, ${megabytes} MiB`)
    // A long run leaves what it has, whatever ends it.
    if (values.out !== undefined) writeFileSync(values.out, asText({ hoursDone: hours, ...figuresSoFar() }))
  },
})
if (values.out === undefined) console.log(asText(figures))
else writeFileSync(values.out, asText(figures))

function asText(value: object): string {
  return `${JSON.stringify({ ...value, realSeconds: Number(seconds()) }, null, 2)}\n`
}
