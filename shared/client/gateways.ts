import { addressOf } from '../bytes/address.ts'
import { ExitPolicy } from '../onion/exit-policy.ts'
import type { EntryRelay } from './entry-links.ts'

/** Judgements remembered. */
const MAX_JUDGED = 4_000
const LOOPBACK = ['127.0.0.0/8', '::1/128']

/**
 * Whether a gateway that a descriptor names may be gone to. Whoever signs a descriptor writes into it what he likes: without
 * this, the visitor's own router or printer. Where the relays that are known beforehand are on this machine (a lab), others
 * of this machine are as good.
 */
export function gatewayJudge(knownBefore: readonly EntryRelay[]): (url: string) => boolean {
  const isLab = knownBefore.length > 0 && knownBefore.every(({ url }) => isLoopback(url))
  const policy = new ExitPolicy({ allowNetworks: isLab ? LOOPBACK : [] })
  const judge = (url: string) => {
    const address = gatewayAddress(url)
    if (address === undefined) return false
    if (address.kind === 'domain') return policy.judgeName(address.host) === 'allowed'
    return policy.judge(address, 'tcp') === 'allowed'
  }
  // A thousand relays are looked through whenever one is new.
  const judged = new Map<string, boolean>()
  return (url) => {
    const known = judged.get(url)
    if (known !== undefined) return known
    if (judged.size >= MAX_JUDGED) judged.clear()
    const allowed = judge(url)
    judged.set(url, allowed)
    return allowed
  }
}

function isLoopback(url: string): boolean {
  const address = gatewayAddress(url)
  if (address === undefined) return false
  if (address.kind === 'domain') return address.host === 'localhost' || address.host.endsWith('.localhost')
  return new ExitPolicy().judge({ ...address, port: 80 }, 'tcp') === 'loopback'
}

/** The host and port of a WebSocket URL; undefined if it is none. */
function gatewayAddress(url: string) {
  const [, scheme, host, port] =
    /^(wss?):\/\/(\[[^\]/]+\]|[^:/?#@]+)(?::([0-9]{1,5}))?(?:\/|$)/.exec(url) ?? []
  if (host === undefined) return undefined
  return addressOf(host, Number(port ?? (scheme === 'wss' ? 443 : 80)))
}
