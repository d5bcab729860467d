import { formatAddress, type IpAddress } from '../bytes/address.ts'
import type { RelayDescriptor } from '../directory/descriptor.ts'
import type { Directory } from '../directory/directory.ts'
import type { PublicKey } from '../identity/keys.ts'
import { BoundedMap } from '../ipv8/bounded-map.ts'
import { formatLinkAddress, type LinkAddress, readLinkAddress } from '../link/link-address.ts'
import { relayKey } from '../path/relay.ts'
import type { EntryRelay } from './entry-links.ts'
import { gatewayJudge, udpJudge } from './gateways.ts'

/** A relay that introduces others to us by carrying signals. */
export interface Introducer {
  readonly publicKey: PublicKey
  /** Its own name for itself; empty if it is not known. */
  readonly name: string
  /** `stun:host:port`: its UDP port tells who asks where he comes from; undefined if it is not known. */
  readonly stun: string | undefined
}

export interface EntryAddressesOptions {
  /** Relays known beforehand. */
  readonly entries: readonly EntryRelay[]
  /** What is known by now. */
  directory(): Pick<Directory, 'find' | 'list' | 'version'> | undefined
  /** Whether there is WebRTC here. */
  readonly webrtc: boolean
}

/** Relays remembered as not being where they say. */
const MAX_ELSEWHERE = 256

/** All ways to an entry: what was known beforehand, and what its descriptor says; and who introduces us to it. */
export class EntryAddresses {
  private readonly options: EntryAddressesOptions
  private readonly mayUse: (url: string) => boolean
  private readonly mayAsk: (address: IpAddress) => boolean
  /** By gateway: anybody may name that of another. */
  private readonly index = new Map<string, RelayDescriptor[]>()
  private readonly elsewhere = new BoundedMap<string, true>(MAX_ELSEWHERE)
  /** Version of the directory that `index` is of. */
  private indexed: number | undefined

  constructor(options: EntryAddressesOptions) {
    this.options = options
    this.mayUse = gatewayJudge(options.entries)
    this.mayAsk = udpJudge(options.entries)
  }

  /** The first of a descriptor's ways that may be used from here; undefined if it lets no pages in. */
  firstOf(descriptor: RelayDescriptor): string | undefined {
    const urls = waysOf(descriptor).filter(this.mayUse)
    return urls.find((url) => this.usable(descriptor.publicKey, url).length > 0)
  }

  /** Where a relay may be reached from here, as WebSocket or by WebRTC. */
  of(relay: EntryRelay): readonly LinkAddress[] {
    const before = this.options.entries.find((entry) => relayKey(entry) === relayKey(relay))
    const told = this.options.directory()?.find(relay.publicKey.mid)?.descriptor
    const known = [relay.url, ...(relay.ways ?? []), ...(before ? [before.url, ...(before.ways ?? [])] : [])]
    const fromOthers = told ? waysOf(told).filter(this.mayUse) : []
    const all = [...known, ...fromOthers].flatMap((url) => this.usable(relay.publicKey, url))
    return [...new Map(all.map((address) => [formatLinkAddress(address), address])).values()]
  }

  /** Who answers at a gateway: as known beforehand, else by its own signed word. The proof of its key shows if that is so. */
  introducerAt(gateway: LinkAddress): Introducer | undefined {
    const url = formatLinkAddress(gateway)
    const before = this.options.entries.find((entry) => normal(entry.url) === url)
    if (!before) {
      const told = this.gateways().get(url) ?? []
      const there = told.find(({ publicKey }) => !this.elsewhere.has(claimOf(url, publicKey)))
      return there && this.introducer(there)
    }
    const descriptor = this.options.directory()?.find(before.publicKey.mid)?.descriptor
    return descriptor
      ? this.introducer(descriptor)
      : { publicKey: before.publicKey, name: '', stun: undefined }
  }

  /** Who answers at a gateway has another key than this relay, which said that it is there. */
  isNotAt(gateway: LinkAddress, publicKey: PublicKey): void {
    this.elsewhere.set(claimOf(formatLinkAddress(gateway), publicKey), true)
  }

  /** Who introduces us where this address leads by WebRTC. */
  introducerOf(address: LinkAddress | undefined): Introducer | undefined {
    return address?.kind === 'webrtc' ? this.introducerAt({ ...address, kind: 'websocket' }) : undefined
  }

  /** Descriptors by gateway. */
  private gateways(): ReadonlyMap<string, readonly RelayDescriptor[]> {
    const directory = this.options.directory()
    if (directory && directory.version !== this.indexed) {
      this.indexed = directory.version
      this.index.clear()
      for (const { descriptor } of directory.list()) {
        const url = normal(descriptor.websocket)
        if (url === undefined) continue
        const others = this.index.get(url)
        if (others) others.push(descriptor)
        else this.index.set(url, [descriptor])
      }
    }
    return this.index
  }

  private introducer({ publicKey, nickname, udp }: RelayDescriptor): Introducer {
    const stun = udp && this.mayAsk(udp) ? `stun:${formatAddress(udp)}` : undefined
    return { publicKey, name: nickname, stun }
  }

  /** @returns the address, or nothing */
  private usable(publicKey: PublicKey, url: string): LinkAddress[] {
    const address = readLinkAddress(url)
    if (address?.kind === 'websocket') return [address]
    if (address?.kind !== 'webrtc' || !this.options.webrtc) return []
    // To be introduced by the relay itself one would have to be there already.
    const introducer = this.introducerOf(address)
    return introducer && !introducer.publicKey.equals(publicKey) ? [address] : []
  }
}

/** The ways for pages that a descriptor names, as link addresses. */
export function waysOf({ websocket, webrtc }: Pick<RelayDescriptor, 'websocket' | 'webrtc'>): string[] {
  return [websocket, webrtc].filter((url) => url !== undefined)
}

function claimOf(url: string, publicKey: PublicKey): string {
  return `${url} ${relayKey({ publicKey })}`
}

function normal(url: string | undefined): string | undefined {
  const address = url === undefined ? undefined : readLinkAddress(url)
  return address && formatLinkAddress(address)
}
