import { type Address, addressOf } from '../bytes/address.ts'
import { ipBytes } from '../ipv8/network.ts'
import { isUnicast } from '../ipv8/network-of.ts'
import { specialUse } from '../ipv8/special-use.ts'

/** Which ICE candidates go out and are taken. */
export interface CandidatePolicy {
  /**
   * Private and loopback addresses too: in a lab, or where the operator says so. Otherwise nobody can make this machine
   * send into its own network, and its own addresses there are told to nobody.
   */
  readonly allowPrivate: boolean
}

/**
 * Addresses of the other side that are tried in a session. Each costs seven or so packets of 100 bytes to wherever it leads
 * (RFC 8445 §B.1 asks for less than 100), and whoever calls can name addresses that are not his.
 */
export const ADDRESS_CANDIDATES = 8

const ATTRIBUTE = 'candidate:'
/** RFC 8839 §5.1: foundation, component, transport, priority, address, port, `typ`, type, and what may follow. */
const CANDIDATE =
  /^candidate:([A-Za-z0-9+/]{1,32}) ([1-9]\d{0,2}) ([A-Za-z]{1,8}) (\d{1,10}) ([0-9A-Za-z.:-]{1,64}) (\d{1,5}) typ (host|srflx|prflx|relay)(?: [\x21-\x7e ]*)?$/
/** What browsers put in place of an address of the local network: a version 4 UUID (draft-ietf-mmusic-mdns-ice-candidates). */
const MDNS_NAME = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.local$/
/** Most characters of a candidate's text. */
const MAX_CANDIDATE = 512

/**
 * A candidate as it may be sent or tried, or undefined for one of no use: over UDP, host or reflexive, to a public address, to
 * a browser's `.local` name, or to what the policy allows. Related addresses and extensions are left out: they help nobody
 * connect, and tell the address behind a NAT.
 */
export function usableCandidate(text: string, policy: CandidatePolicy): string | undefined {
  if (text.length > MAX_CANDIDATE) return undefined
  const match = CANDIDATE.exec(text.startsWith('a=') ? text.slice(2) : text)
  if (!match) return undefined
  const [, foundation = '', component, transport = '', priority = '', host = '', port = '', type] = match
  if (transport.toLowerCase() !== 'udp' || type === 'relay' || component !== '1') return undefined
  if (Number(priority) > 0xffffffff || Number(port) > 0xffff || Number(port) === 0) return undefined
  if (!MDNS_NAME.test(host) && !isUsableAddress(addressOf(host, Number(port)), policy)) return undefined
  // An address of ours for the related one: reflexive candidates must have it (RFC 8839 §5.1).
  const related = type === 'host' ? '' : ' raddr 0.0.0.0 rport 0'
  return `${ATTRIBUTE}${foundation} 1 UDP ${Number(priority)} ${host} ${Number(port)} typ ${type}${related}`
}

/** Whether a usable candidate has an address, rather than a `.local` name that leads nowhere but home. */
export function hasAddress(candidate: string): boolean {
  return !candidate.includes('.local ')
}

/** Whether WebRTC may send to an address that others named. */
export function isUsableAddress(address: Address, { allowPrivate }: CandidatePolicy): boolean {
  if (address.kind === 'domain' || !isUnicast(address)) return false
  const bytes = ipBytes(address)
  return bytes !== undefined && (allowPrivate || specialUse(bytes) === undefined)
}
