import { parseArgs } from 'node:util'
import { sodiumAead } from '../relay-server/crypto/sodium-aead.ts'
import { sodiumCurves } from '../relay-server/crypto/sodium-curves.ts'
import { useCurves } from '../shared/crypto/curves.ts'
import { FuzzWorld } from '../shared/sim/fuzz/fuzz-world.fixture.ts'

// `node --expose-gc --import tsx bench/fuzz.ts [--packets 2000000] [--seed 1]`: mutated packets against a relay and an owner beside
// an honest circuit; prints what was refused and why, and memory as it goes. Ends with status 1 if anything was wrong.

const { values } = parseArgs({
  options: { packets: { type: 'string', default: '2000000' }, seed: { type: 'string', default: '1' } },
})
const packets = Number(values.packets)
const ROUNDS = 20
useCurves(sodiumCurves)
const world = new FuzzWorld(Number(values.seed), sodiumAead)
const heaps: number[] = []
const started = performance.now()
let result = world.run(0)
for (let round = 1; round <= ROUNDS; round++) {
  result = world.run(Math.floor(packets / ROUNDS))
  globalThis.gc?.()
  const megabytes = process.memoryUsage().heapUsed / 1e6
  heaps.push(megabytes)
  console.log(
    `${result.packets} packets, heap ${megabytes.toFixed(1)} MB, honest ${result.honestBack}/${result.honestSent}, tables ${JSON.stringify(world.sizes())}`,
  )
}
const seconds = (performance.now() - started) / 1000
console.log(
  `\n${result.packets} packets in ${seconds.toFixed(0)} s, ${Math.round(result.packets / seconds)} per second`,
)
console.log(
  `honest circuit: ${result.honestBack} of ${result.honestSent} datagrams back, ended ${result.honestLost} times`,
)
console.log(`exceptions that escaped: ${result.escaped.length}`)
for (const text of result.escaped) console.log(text)
for (const [name, count] of Object.entries(result.counters))
  console.log(`${String(count).padStart(9)}  ${name}`)
const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length
const early = mean(heaps.slice(2, 6))
const late = mean(heaps.slice(-4))
console.log(`heap: ${early.toFixed(1)} MB early, ${late.toFixed(1)} MB late`)
const faults = (result.counters['router-fault'] ?? 0) + (result.counters['circuit-fault'] ?? 0)
const wrong =
  result.escaped.length > 0 ||
  faults > 0 ||
  result.honestBack !== result.honestSent ||
  result.honestLost > 0 ||
  (globalThis.gc !== undefined && late > early * 1.1 + 2)
process.exit(wrong ? 1 : 0)
