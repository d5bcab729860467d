import { type AdversaryGain, ourRule, triblersRule } from '../shared/path/adversary.fixture.ts'

// What an adversary who runs 5, 10, 20 % of the relays gains, by our rule of path selection and by Tribler's: the table of
// docs/path-selection.md. `npx tsx bench/path-selection.ts [users]`; about half a minute, the same figures each time.

const users = Number(process.argv[2] ?? 1_000)
const BASE = {
  relays: 400,
  exitShare: 0.25,
  users,
  days: 30,
  circuitsPerDay: 20,
  seed: 11,
  promise: 1,
  speed: 1,
}

function percent(value: number): string {
  const hundredths = 100 * value
  return `${hundredths.toFixed(hundredths < 1 ? 2 : 1)} %`
}

function row(share: number, rule: string, gain: AdversaryGain): void {
  const cells = [percent(share), rule, percent(gain.bothEnds), percent(gain.allHops), percent(gain.users)]
  console.log(`| ${cells.join(' | ')} |`)
}

console.log(
  `${BASE.relays} relays, a quarter of them exits; ${users} users, ${BASE.days} days, ${BASE.circuitsPerDay} circuits a day\n`,
)
console.log('| runs | rule | both ends captured | all hops captured | users ever captured |')
console.log('| ---: | --- | ---: | ---: | ---: |')
for (const share of [0.05, 0.1, 0.2]) {
  const model = { ...BASE, share }
  row(share, 'Tribler’s', triblersRule(model))
  row(share, 'ours, the site’s relay and one guard', ourRule(model, 1))
  row(share, 'ours, two guards', ourRule(model, 2))
  row(share, 'ours, two guards; he promises 4 x', ourRule({ ...model, promise: 4 }, 2))
  row(share, 'ours, two guards; he is 4 x as fast', ourRule({ ...model, speed: 4 }, 2))
}
