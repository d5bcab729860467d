import { addressOf, type IpAddress } from '../bytes/address.ts'
import { isOnionName } from '../link/link-address.ts'
import { ExitPolicy } from '../onion/exit-policy.ts'
import type { EntryRelay } from './entry-links.ts'

/** Judgements remembered. */
const MAX_JUDGED = 4_000
const LOOPBACK = ['127.0.0.0/8', '::1/128']

/**
 * Whether a gateway that a descriptor names may be gone to. Whoever signs a descriptor writes into it what he likes: without
 * this, the visitor's own router or printer. Where the relays that are known beforehand are on this machine (a lab), others
 * of this machine are as good. Where they are an onion service, nothing else is: who came by Tor is not to be led out of it.
 * @returns takes WebSocket URLs, and those of relays that signal, `webrtc+` before them
 */
export function gatewayJudge(knownBefore: readonly EntryRelay[]): (url: string) => boolean {
  if (knownBefore.some(({ url }) => isOnionName(gatewayAddress(url)?.host ?? ''))) {
    return (url) => knownBefore.some((entry) => entry.url === url)
  }
  const policy = policyBeside(knownBefore)
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

/** The same for a relay's UDP port, which is asked where we come from. */
export function udpJudge(knownBefore: readonly EntryRelay[]): (address: IpAddress) => boolean {
  const policy = policyBeside(knownBefore)
  return (address) => policy.judge(address, 'udp') === 'allowed'
}

/** Whether all of the network is on this machine. */
export function isLabOf(knownBefore: readonly EntryRelay[]): boolean {
  return knownBefore.length > 0 && knownBefore.every(({ url }) => isLoopback(url))
}

function policyBeside(knownBefore: readonly EntryRelay[]): ExitPolicy {
  return new ExitPolicy({ allowNetworks: isLabOf(knownBefore) ? LOOPBACK : [] })
}

function isLoopback(url: string): boolean {
  const address = gatewayAddress(url)
  if (address === undefined) return false
  if (address.kind === 'domain') return address.host === 'localhost' || address.host.endsWith('.localhost')
  return new ExitPolicy().judge({ ...address, port: 80 }, 'tcp') === 'loopback'
}

/** The host and port of a gateway's URL; undefined if it is none. */
function gatewayAddress(url: string) {
  const [, scheme, host, port] =
    /^(?:webrtc\+)?(wss?):\/\/(\[[^\]/]+\]|[^:/?#@]+)(?::([0-9]{1,5}))?(?:\/|$)/.exec(url) ?? []
  if (host === undefined) return undefined
  return addressOf(host, Number(port ?? (scheme === 'wss' ? 443 : 80)))
}
