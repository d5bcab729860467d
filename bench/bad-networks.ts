import { parseArgs } from 'node:util'
import { useCurves } from '../shared/crypto/curves.ts'
import { BAD_LINKS, CLEAN_LINKS } from '../shared/sim/bad/bad-network.ts'
import { tryBuilding, tryLiving, tryStreaming } from '../shared/sim/bad/trials.ts'
import { toyAead, toyCurves } from '../shared/sim/toy-crypto.ts'

// `npx tsx bench/bad-networks.ts [--only build,stream,life] [--tries 100] [--megabytes 20] [--seed 1]`
// Circuits and streams over simulated links that lose, delay, reorder and double (docs/bad-networks.md).

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'build,stream,life' },
    tries: { type: 'string', default: '100' },
    megabytes: { type: 'string', default: '20' },
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '50000' },
    seed: { type: 'string', default: '1' },
  },
})

useCurves(toyCurves)
const wanted = new Set(values.only.split(','))
const [tries, bytes, minutes] = [values.tries, Number(values.megabytes) * 1e6, values.minutes].map(Number)
for (const [name, conditions] of Object.entries({ bad: BAD_LINKS, clean: CLEAN_LINKS })) {
  const trial = { aead: toyAead, conditions, seed: Number(values.seed) }
  const print = (what: string, figures: object) =>
    console.log(JSON.stringify({ links: name, what, ...figures }))
  if (wanted.has('build')) print('build', await tryBuilding(trial, tries ?? 100))
  if (wanted.has('stream')) print('stream', await tryStreaming(trial, bytes ?? 20e6))
  if (wanted.has('life'))
    print('life', await tryLiving(trial, tries ?? 100, minutes ?? 10, Number(values.rate)))
}
