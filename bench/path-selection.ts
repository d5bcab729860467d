import { countryCentres } from '../scripts/country-centres.ts'
import { type AdversaryGain, ourRule, triblersRule } from '../shared/path/adversary.fixture.ts'
import { nearness } from '../shared/path/near.ts'
import { CROWDS, captured, honestRelays, nearby, RULES, sybils } from '../shared/path/sybil.fixture.ts'

// What an adversary who runs 5, 10, 20 % of the relays gains, by our rule of path selection and by Tribler's; what a hundred
// relays of one owner gain; what near-first costs: the tables of docs/path-selection.md. `npx tsx bench/path-selection.ts
// [users]`; some minutes for a thousand users, the same figures each time.

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

const HUNDRED = 100
const honest = honestRelays()

console.log(`\n${HUNDRED} relays of one owner beside ${honest.length} others\n`)
console.log('| have in common | bounds on | his as guard | his as exit | both ends |')
console.log('| --- | --- | ---: | ---: | ---: |')
for (const crowd of CROWDS) {
  for (const [name, rule] of Object.entries(RULES)) {
    const { guard, exit, bothEnds } = captured(honest, sybils(HUNDRED, crowd), rule)
    console.log(`| ${[crowd, name, percent(guard), percent(exit), percent(bothEnds)].join(' | ')} |`)
  }
}

const CIRCUITS = 2_000
/** Where whoever wants to be near his victims rents: they enter in the country with the most guards. */
const TWENTY = 20
const centres = countryCentres()
const centre = (country: string) => centres.get(country)
const victims = honest.filter(({ country, exit }) => country === 'DE' || exit !== 'none')

console.log(
  `\nnear-first, ${CIRCUITS} circuits; ${TWENTY} relays of one owner in the country of the guards\n`,
)
console.log(
  '| near first | length of a path | guard and exit in one country | exits to guess from | his as exit |',
)
console.log('| --- | ---: | ---: | ---: | ---: |')
for (const isNear of [false, true]) {
  const { km, oneCountry, exits } = nearby(honest, centre, isNear, CIRCUITS)
  const near = isNear ? nearness({ centre }) : undefined
  const { exit } = captured(victims, sybils(TWENTY, 'nothing'), RULES.together, near)
  const cells = [
    isNear ? 'on' : 'off',
    `${Math.round(km / 10) * 10} km`,
    percent(oneCountry),
    exits.toFixed(1),
    percent(exit),
  ]
  console.log(`| ${cells.join(' | ')} |`)
}
