import { addressOf } from '../../shared/bytes/address.ts'

/**
 * Whether a page of this origin was loaded from this machine, by its host alone: names that anybody can point here (DNS
 * rebinding) are none of ours, whatever the request's Host says. `localhost` and names below it never leave the machine
 * (RFC 6761 §6.3).
 * @param origin the Origin header, e.g. `http://127.0.0.11:8080`, or `null`
 */
export function isOfThisMachine(origin: string): boolean {
  if (!URL.canParse(origin)) return false
  const { hostname, protocol } = new URL(origin)
  if (protocol !== 'http:' && protocol !== 'https:') return false
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return true
  const { kind, host } = addressOf(hostname, 0)
  return (kind === 'ipv4' && host.startsWith('127.')) || (kind === 'ipv6' && host === '::1')
}
