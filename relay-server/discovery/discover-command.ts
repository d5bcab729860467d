import { CulvertError } from '../../shared/bytes/error.ts'
import type { DiscoveryMethod } from '../../shared/discovery/constants.ts'
import { CHECK_NAMES } from '../../shared/trust/verdict.ts'
import type { RelayRow } from '../admin/relay-rows.ts'
import { loadConfig } from '../config.ts'
import { createLog } from '../log.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { type DiscoverResult, discoverOnce } from './discover.ts'

/** `relay-server discover`: looks for relays once and shows what came of it. @throws CulvertError `discover-nobody` */
export async function runDiscover(
  configPath: string,
  methods: readonly DiscoveryMethod[],
  json: boolean,
): Promise<void> {
  const config = await loadConfig(configPath)
  const world = { clock: new NodeClock(), random: new NodeRandom(), log: createLog('error') }
  const result = await discoverOnce(config, methods, world)
  const lines = json ? [JSON.stringify(result, undefined, 2)] : discoverLines(methods, result)
  for (const line of lines) process.stdout.write(`${line}\n`)
  if (result.runs.some(({ success }) => success)) return
  throw new CulvertError(
    'discover-nobody',
    `nobody could be asked by ${methods.join(', ')}: see docs/discovery.md`,
  )
}

/** A line for each method, and a table of the relays. */
export function discoverLines(
  methods: readonly DiscoveryMethod[],
  { runs, relays }: DiscoverResult,
): string[] {
  const ways = methods.map((method) => {
    const run = runs.find((each) => each.method === method)
    if (run === undefined) return `${method}: not configured`
    const { found, ms, success } = run
    const relay = found === 1 ? 'relay' : 'relays'
    return `${method}: ${found} ${relay} found in ${(ms / 1000).toFixed(1)} s, ${success ? 'success' : 'nobody answered'}`
  })
  return relays.length === 0 ? ways : [...ways, '', ...tableOf(relays)]
}

function tableOf(relays: readonly RelayRow[]): string[] {
  const rows = [
    ['relay', 'id', 'score', 'class', 'reputation', 'standing', ...CHECK_NAMES],
    ...relays.map(({ nickname, id, score, class: kind, reputation, standing, checks }) => [
      nickname || '-',
      id,
      score.toFixed(1),
      kind,
      reputation.toFixed(2),
      standing,
      ...CHECK_NAMES.map((name) => (checks[name] === undefined ? '-' : checks[name] ? 'yes' : 'no')),
    ]),
  ]
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
