import { addressOf } from '../../shared/bytes/address.ts'
import { ExitPolicy } from '../../shared/onion/exit-policy.ts'
import type { Judge } from '../tunnel/guard.ts'
import { MAX_PEERS_KNOWN } from './limits.ts'

/**
 * Where the page lets its torrents go: what an exit would refuse is not even asked for. In the lab, where the whole
 * network is one machine, loopback is where the swarm is.
 */
export function destinationJudge(lab: boolean): Judge {
  const policy = new ExitPolicy({ allowNetworks: lab ? ['127.0.0.0/8'] : [] })
  return (destination, transport) =>
    destination.kind === 'domain'
      ? policy.judgeName(destination.host) === 'allowed'
      : policy.judge(destination, transport) === 'allowed'
}

/**
 * WebTorrent's blocklist: peers on private addresses, and peers named by anything but an address, are never tried.
 * @param known how many peers are known; beyond the limit, all are refused
 */
export function peerBlocklist(judge: Judge, known: () => number): { contains(host: string): boolean } {
  // Any port will do that no rule is about: this is asked about hosts alone.
  const port = 6881
  return {
    contains: (host) => {
      if (known() >= MAX_PEERS_KNOWN) return true
      const address = addressOf(host, port)
      return address.kind === 'domain' || !judge(address, 'udp')
    },
  }
}
