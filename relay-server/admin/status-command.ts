import { loadConfig } from '../config.ts'
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
    `circuits: ${router.circuits}, pages: ${pages}`,
  ]
}

const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`

/** `relay-server status`: what the relay that runs with this configuration says of itself. */
export async function runStatus(configPath: string, json: boolean): Promise<void> {
  const status = (await askAdmin(await loadConfig(configPath), '/status')) as RelayStatus
  const lines = json ? [JSON.stringify(status, undefined, 2)] : statusLines(status)
  for (const line of lines) process.stdout.write(`${line}\n`)
}
