import type { Address, IpAddress } from '../../shared/bytes/address.ts'
import { toHex } from '../../shared/bytes/bytes.ts'
import type { Directory, DirectoryEntry } from '../../shared/directory/directory.ts'
import type { DirectoryExchange } from '../../shared/directory/exchange.ts'
import type { Candidate, DiscoverySource, SourceRun } from '../../shared/discovery/source.ts'
import { networkOf } from '../../shared/ipv8/network-of.ts'
import type { Link } from '../../shared/link/link.ts'
import type { Clock } from '../../shared/world/clock.ts'
import { type Random, shuffled } from '../../shared/world/random.ts'
import { EXCHANGE_SOURCE } from './constants.ts'
import type { Fetches } from './fetches.ts'

export interface ExchangeSourceOptions {
  readonly directory: Directory
  readonly exchange: DirectoryExchange
  readonly fetches: Fetches
  readonly clock: Clock
  readonly random: Random
  readonly linkTo: (address: IpAddress) => Link | undefined
  /** Open links with relays that may have no address to be asked at. */
  readonly neighbours: () => readonly Link[]
  /**
   * Whether packets may go to an address that a descriptor names. Whoever signs one may write into it what he likes: the
   * router of this relay's own network, for one.
   */
  readonly mayReach: (address: IpAddress) => boolean
  /**
   * Only relays that have proved themselves at their address are asked: else anybody could name a victim whom every relay asks in each
   * round. Who has not is asked by the verifier, which is bounded. False where nobody is asked for proofs.
   */
  readonly onlyProven: boolean
  /** Relays asked in one round (D-04: 10). */
  readonly partners: number
}

/** Relays found through relays that are known (D-04): what is new with ten of them, and whom they have lost. */
export class ExchangeSource implements DiscoverySource {
  readonly method = 'exchange'
  private readonly options: ExchangeSourceOptions
  private lastMs: number | undefined

  constructor(options: ExchangeSourceOptions) {
    this.options = options
  }

  run(report: (candidates: readonly Candidate[]) => void, done: (success: boolean) => void): SourceRun {
    const { clock, fetches, directory, random, partners: most } = this.options
    const { heard, again } = this.partners()
    // Some of both, where there are enough: those who have no address know other relays.
    const neighbours = shuffled(random, this.options.neighbours()).slice(
      0,
      Math.max(most - heard.length - again.length, Math.floor(most / 2)),
    )
    const partners = heard.slice(0, most - neighbours.length - again.length)
    const sinceMs = this.lastMs === undefined ? 0 : clock.now() - this.lastMs
    this.lastMs = clock.now()
    const asked = partners.length + neighbours.length + again.length
    let left = asked
    let anybody = false
    const silences: { readonly address: Address; readonly atMs: number }[] = []
    const warnings = new Map<string, Set<string>>()
    const over = () => {
      this.look(warnings)
      report(unproven(directory))
      done(anybody)
    }
    if (left === 0) over()
    const told = (answered: boolean) => {
      anybody ||= answered
      // Where several are silent and nobody answers, it is our own network that is away.
      if (anybody || asked === 1) {
        for (const { address, atMs } of silences.splice(0)) directory.markSilent(address, atMs)
      }
      report(unproven(directory))
      if (--left === 0) over()
    }
    const silent = (address: Address) => silences.push({ address, atMs: clock.now() })
    const ask = (address: IpAddress) => {
      this.askDrops(address, sinceMs, warnings)
      fetches.fetch(address, told, { silent: () => silent(address) })
    }
    for (const address of partners) ask(address)
    for (const each of neighbours) fetches.fetchOver(each, told, { silent: () => silent(each.address) })
    // Last: the first two of a round are asked for news, the others only whether they are there.
    for (const address of again) ask(address)
    // What is under way ends by itself, and is of use even then.
    return { cancel: () => undefined }
  }

  /** Relays of as many networks as there are, and a few that were silent: that may have been our fault, or be over by now. */
  private partners(): { readonly heard: readonly IpAddress[]; readonly again: readonly IpAddress[] } {
    const { random, partners } = this.options
    const usable = shuffled(random, this.usable())
    const heard = usable.filter(({ silent }) => !silent)
    const places = heard.length > 0 ? Math.floor(partners / 3) : Math.ceil(partners / 2)
    const again = usable.filter(({ silent }) => silent)
    const networks = new Set<string>()
    const first: IpAddress[] = []
    const further: IpAddress[] = []
    for (const { address } of heard) {
      const network = networkOf(address)
      if (networks.has(network)) further.push(address)
      else first.push(address)
      networks.add(network)
    }
    return {
      heard: [...first, ...further],
      again: again.slice(0, Math.min(EXCHANGE_SOURCE.silentPerRound, places)).map(({ address }) => address),
    }
  }

  /** Relays that may be asked. */
  private usable(): { readonly address: IpAddress; readonly mid: Uint8Array; readonly silent: boolean }[] {
    const { directory, mayReach, onlyProven } = this.options
    return directory.list().flatMap(({ descriptor: { udp, publicKey }, proven, silent }) => {
      const isUsable = udp !== undefined && (proven || !onlyProven) && mayReach(udp)
      return isUsable ? [{ address: udp, mid: publicKey.mid, silent }] : []
    })
  }

  private askDrops(address: IpAddress, sinceMs: number, warnings: Map<string, Set<string>>): void {
    const link = sinceMs > 0 ? this.options.linkTo(address) : undefined
    if (link === undefined) return
    const seconds = Math.ceil(sinceMs / 1000) + EXCHANGE_SOURCE.dropSlackSeconds
    this.options.exchange.askDrops(link, seconds, (drops) => {
      for (const { mid } of drops ?? []) {
        const key = toHex(mid)
        const tellers = warnings.get(key) ?? new Set()
        warnings.set(key, tellers.add(networkOf(address)))
      }
    })
  }

  /** Who was dropped by several is asked: if it is silent, the directory notes it. Nobody goes on others' word alone. */
  private look(warnings: ReadonlyMap<string, ReadonlySet<string>>): void {
    const warned = this.usable().filter(
      ({ mid, silent }) => !silent && (warnings.get(toHex(mid))?.size ?? 0) >= EXCHANGE_SOURCE.dropVoices,
    )
    for (const { address } of warned.slice(0, EXCHANGE_SOURCE.looksPerRound)) {
      this.options.fetches.fetch(address, () => undefined)
    }
  }
}

/** Relays of the directory that have proved nothing yet. */
export function unproven(directory: Directory): Candidate[] {
  return directory.list().flatMap((entry) => (entry.proven ? [] : candidateOf(entry)))
}

/** The candidate that a directory's entry is; none if it has no UDP address. */
export function candidateOf({ descriptor: { udp } }: DirectoryEntry): Candidate[] {
  return udp ? [{ address: udp }] : []
}
