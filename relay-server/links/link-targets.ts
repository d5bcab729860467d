import { fromHex, toHex } from '../../shared/bytes/bytes.ts'
import type { RelayAddresses } from '../../shared/directory/descriptor-addresses.ts'
import type { Directory, DirectoryEntry } from '../../shared/directory/directory.ts'
import { PublicKey } from '../../shared/identity/keys.ts'
import type { KeeperTarget } from '../../shared/link/keeper-options.ts'
import { type LinkAddress, readLinkAddress, sameLinkAddress } from '../../shared/link/link-address.ts'
import type { TrustJudge } from '../../shared/trust/trust-judge.ts'
import type { RelayConfig } from '../config.ts'

export interface LinkTargetsOptions {
  readonly config: Pick<RelayConfig, 'links'>
  readonly directory: Pick<Directory, 'list' | 'find'>
  readonly book: Pick<TrustJudge, 'verdict' | 'isBlocked'>
}

/** Relays that links may be kept with, where they are, and how gladly each is kept (L-05). */
export class LinkTargets {
  private readonly options: LinkTargetsOptions
  private readonly firstRing: ReadonlyMap<string, KeeperTarget>

  constructor(options: LinkTargetsOptions) {
    this.options = options
    const { firstRing, priorities } = options.config.links
    this.firstRing = new Map(
      firstRing.map(({ key, addresses }) => {
        const publicKey = PublicKey.parse(fromHex(key))
        const target = {
          publicKey,
          addresses: addresses.flatMap((text) => readLinkAddress(text) ?? []),
          priority: priorities.firstRing,
        }
        return [toHex(publicKey.mid), target]
      }),
    )
  }

  /** All that are known: those of the first ring, and those of the directory. None that is blocked. */
  list(): KeeperTarget[] {
    const { directory } = this.options
    const keys = [
      ...[...this.firstRing.values()].map(({ publicKey }) => publicKey),
      ...directory
        .list()
        .map(({ descriptor }) => descriptor.publicKey)
        .filter(({ mid }) => !this.firstRing.has(toHex(mid))),
    ]
    return keys.flatMap((key) => this.of(key) ?? [])
  }

  /** What is known of one relay; undefined for a stranger, and for one that is blocked. */
  of(publicKey: PublicKey): KeeperTarget | undefined {
    const { directory } = this.options
    if (this.isBlocked(publicKey)) return undefined
    const named = this.firstRing.get(toHex(publicKey.mid))
    const entry = directory.find(publicKey.mid)
    if (named === undefined && entry === undefined) return undefined
    const known = entry ? addressesOf(entry.descriptor) : []
    const addresses = [...(named?.addresses ?? [])]
    for (const each of known) {
      if (!addresses.some((other) => sameLinkAddress(other, each))) addresses.push(each)
    }
    return { publicKey, addresses, priority: named?.priority ?? this.priorityOf(entry) }
  }

  /**
   * Who may be the relay whose WebSocket has this URL: whoever the operator says is, and then nobody else; or all whose descriptors
   * claim it, of whom those that are proven come first.
   */
  atWebsocket(url: string): PublicKey[] {
    const address = readLinkAddress(url)
    if (address?.kind !== 'websocket') return []
    const isThere = ({ addresses }: KeeperTarget) => addresses.some((each) => sameLinkAddress(each, address))
    const named = [...this.firstRing.values()].filter(isThere)
    const found = named.length > 0 ? named : this.list().filter(isThere)
    return found
      .filter(({ publicKey }) => !this.isBlocked(publicKey))
      .sort((a, b) => b.priority - a.priority)
      .map(({ publicKey }) => publicKey)
  }

  isBlocked(publicKey: PublicKey): boolean {
    return this.options.book.isBlocked(publicKey.mid)
  }

  private priorityOf(entry: DirectoryEntry | undefined): number {
    const { priorities } = this.options.config.links
    if (entry === undefined) return priorities.untrusted
    const { byHand, standing } = this.options.book.verdict(entry.descriptor.publicKey.mid)
    if (byHand === 'trusted') return priorities.trusted
    if (standing === 'suspect') return priorities.untrusted
    return entry.proven ? priorities.verified : priorities.discovered
  }
}

/**
 * Where a descriptor says that its relay is, the best way first: a stream carries the largest cells, a datagram is the quickest
 * to open; WebSocket costs more, a data channel needs somebody between, and Tor is slow.
 */
export function addressesOf(relay: RelayAddresses): LinkAddress[] {
  const { udp, udp6, tcp, websocket, webrtc, onion } = relay
  const text = (url: string | undefined) => (url === undefined ? [] : (readLinkAddress(url) ?? []))
  return [
    ...[tcp].flatMap(text),
    ...[udp, udp6].flatMap((at): LinkAddress[] => (at ? [{ kind: 'udp', at }] : [])),
    ...[websocket, webrtc, onion].flatMap(text),
  ]
}
