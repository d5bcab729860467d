import { loadConfig } from '../config.ts'
import type { LinksStatus } from '../links/links-status.ts'
import type { RelayStatus } from '../relay.ts'
import { askAdmin } from './admin-client.ts'

/** Lines of words about a relay's status. No address, key or id. */
export function statusLines(status: RelayStatus): string[] {
  const { state, peers, relays, nat, relayOnly, pages, router, discovery } = status
  const ways = Object.entries(discovery.methods).map(
    ([method, { attempted, successful, relays: found, share, nextMs }]) => {
      if (share === 0 && attempted === 0) return `  ${method}: off`
      const next = nextMs === undefined ? '' : `, next in ${Math.round(nextMs / 1000)} s`
      return `  ${method}: ${found} found in ${count(attempted, 'run')}, ${successful} of them successful${next}`
    },
  )
  return [
    `overlay: ${state}, ${count(peers, 'peer')}, NAT ${nat}${relayOnly ? ', reached through others only' : ''}`,
    `relays: ${relays} known, ${discovery.relaysProven} of them proven; spies met: ${discovery.spiesDetected}`,
    `verified: ${discovery.verificationsSuccessful} of ${discovery.verificationsAttempted}`,
    `DHT: ${count(discovery.dhtNodesKnown, 'node')}`,
    ...ways,
    ...linkLines(status.links),
    `circuits: ${router.circuits}, pages: ${pages}`,
  ]
}

function linkLines({ links, connecting, minLinks, maxLinks, neighbours, bandwidth }: LinksStatus): string[] {
  const more = connecting > 0 ? `, ${connecting} on the way` : ''
  const each = neighbours.map(({ status, kinds, latencyMs, priority, inUse, bytesIn, bytesOut }) => {
    const latency = latencyMs === undefined ? '' : `, ${Math.round(latencyMs)} ms`
    const use = inUse ? ', in use' : ''
    const carried = `${amount(bytesIn)} in, ${amount(bytesOut)} out`
    return `  ${kinds.join(' + ') || 'none yet'}: ${status}, priority ${priority}${latency}${use}, ${carried}`
  })
  const { monthBytesIn, monthBytesOut, monthlyBytes, sleeping } = bandwidth
  const of = monthlyBytes === undefined ? '' : ` of ${amount(monthlyBytes)}`
  const asleep = sleeping ? '; asleep until the next: no new links and circuits' : ''
  return [
    `links: ${links} of ${minLinks} to ${maxLinks}${more}`,
    ...each,
    `this month: ${amount(monthBytesIn)} in, ${amount(monthBytesOut)} out${of}${asleep}`,
  ]
}

/** Such as 3.4 MB. */
function amount(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  const value = bytes / 1000 ** unit
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`

/** `relay-server status`: what the relay that runs with this configuration says of itself. */
export async function runStatus(configPath: string, json: boolean): Promise<void> {
  const status = (await askAdmin(await loadConfig(configPath), '/status')) as RelayStatus
  const lines = json ? [JSON.stringify(status, undefined, 2)] : statusLines(status)
  for (const line of lines) process.stdout.write(`${line}\n`)
}
