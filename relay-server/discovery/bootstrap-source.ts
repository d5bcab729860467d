import { formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import type { Candidate, DiscoverySource, SourceRun } from '../../shared/discovery/source.ts'
import type { Clock } from '../../shared/world/clock.ts'
import { resolveEndpoint } from '../endpoints.ts'
import { DHT_SOURCE } from './constants.ts'
import type { Fetches } from './fetches.ts'

export interface BootstrapSourceOptions {
  /** `host:port` of Culvert relays to begin with: the operator's own (D-05). Tribler's nodes keep no directory. */
  readonly relays: readonly string[]
  /** `host:port` of DHT nodes to begin with: the operator's own, and the well-known ones where those may be asked. */
  readonly routers: readonly string[]
  /** IP versions of the socket, the preferred first. */
  readonly families: readonly IpAddress['kind'][]
  readonly clock: Clock
  readonly fetches: Fetches
  /** All addresses of `relays`, once they are known and whenever they change, and those that others have replaced. */
  readonly onRelays: (addresses: readonly IpAddress[], replaced: readonly IpAddress[]) => void
  /** The same of `routers`. */
  readonly onRouters: (addresses: readonly IpAddress[], replaced: readonly IpAddress[]) => void
  /** Whether a router answers, or has let us into the DHT before. */
  readonly askRouter: (address: IpAddress) => Promise<boolean>
  /** Relays of which nothing is proved yet, to be looked at after a round. */
  readonly unproven: () => readonly Candidate[]
  /** Another in tests. */
  readonly resolve?: typeof resolveEndpoint
}

interface Resolved {
  readonly address: IpAddress
  readonly atMs: number
}

/**
 * Relays found through those that the operator names. Names that are not found are looked up again in the next run, and those
 * that are, some hours later; while they lead nowhere, they lead where they did.
 */
export class BootstrapSource implements DiscoverySource {
  readonly method = 'bootstrap'
  private readonly options: BootstrapSourceOptions
  private readonly relays = new Map<string, Resolved>()
  private readonly routers = new Map<string, Resolved>()

  constructor(options: BootstrapSourceOptions) {
    this.options = options
  }

  run(report: (candidates: readonly Candidate[]) => void, done: (success: boolean) => void): SourceRun {
    const run = { cancelled: false }
    void this.look(run, report).then((success) => {
      if (!run.cancelled) done(success)
    })
    return {
      cancel: () => {
        run.cancelled = true
      },
    }
  }

  /** Looks up the names that are not known yet, or not for sure any more. */
  async resolve(): Promise<void> {
    const { routers, onRouters } = this.options
    await Promise.all([this.resolveRelays(), this.lookUp(routers, this.routers, onRouters)])
  }

  /** The same for relays alone. */
  resolveRelays(): Promise<void> {
    const { relays, onRelays } = this.options
    return this.lookUp(relays, this.relays, onRelays)
  }

  private async look(
    run: { readonly cancelled: boolean },
    report: (candidates: readonly Candidate[]) => void,
  ): Promise<boolean> {
    const { fetches, unproven } = this.options
    await this.resolve()
    if (run.cancelled) return false
    const routers = [...this.routers.values()].map(({ address }) => this.options.askRouter(address))
    const relays = [...this.relays.values()].map(
      ({ address }) =>
        new Promise<boolean>((answer) =>
          fetches.fetch(address, (answered) => {
            if (answered) report([{ address }])
            report(unproven())
            answer(answered)
          }),
        ),
    )
    return (await Promise.all([...relays, ...routers])).includes(true)
  }

  private async lookUp(
    endpoints: readonly string[],
    known: Map<string, Resolved>,
    tell: (addresses: readonly IpAddress[], replaced: readonly IpAddress[]) => void,
  ): Promise<void> {
    const { clock, families, resolve = resolveEndpoint } = this.options
    const before = new Map<string, IpAddress>()
    let changed = false
    const due = endpoints.filter(
      (endpoint) =>
        clock.now() - (known.get(endpoint)?.atMs ?? Number.NEGATIVE_INFINITY) >= DHT_SOURCE.namesAgainMs,
    )
    await Promise.all(
      due.map(async (endpoint) => {
        const address = await resolve(endpoint, families)
        if (!address) return
        const old = known.get(endpoint)?.address
        known.set(endpoint, { address, atMs: clock.now() })
        if (old && formatAddress(old) === formatAddress(address)) return
        changed = true
        if (old) before.set(formatAddress(old), old)
      }),
    )
    if (!changed) return
    const addresses = [...known.values()].map(({ address }) => address)
    for (const address of addresses) before.delete(formatAddress(address))
    tell(addresses, [...before.values()])
  }
}
