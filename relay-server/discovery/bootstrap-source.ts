import type { IpAddress } from '../../shared/bytes/address.ts'
import type { Candidate, DiscoverySource, SourceRun } from '../../shared/discovery/source.ts'
import { resolveEndpoint } from '../endpoints.ts'
import type { Fetches } from './fetches.ts'

export interface BootstrapSourceOptions {
  /** `host:port` of Culvert relays to begin with: the operator's own (D-05). Tribler's nodes keep no directory. */
  readonly relays: readonly string[]
  /** `host:port` of DHT nodes to begin with: the operator's own, and the well-known ones where those may be asked. */
  readonly routers: readonly string[]
  /** IP versions of the socket, the preferred first. */
  readonly families: readonly IpAddress['kind'][]
  readonly fetches: Fetches
  /** Addresses of `relays`, once they are known, and whenever there are more. */
  readonly onRelays: (addresses: readonly IpAddress[]) => void
  /** The same of `routers`. */
  readonly onRouters: (addresses: readonly IpAddress[]) => void
  /** Whether a router answers, or has let us into the DHT before. */
  readonly askRouter: (address: IpAddress) => Promise<boolean>
  /** Relays of which nothing is proved yet, to be looked at after a round. */
  readonly unproven: () => readonly Candidate[]
}

/** Relays found through those that the operator names. Names that are not found are looked up again in the next run. */
export class BootstrapSource implements DiscoverySource {
  readonly method = 'bootstrap'
  private readonly options: BootstrapSourceOptions
  private readonly relays = new Map<string, IpAddress>()
  private readonly routers = new Map<string, IpAddress>()

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

  /** Looks up the names that are not known yet. */
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
    const routers = [...this.routers.values()].map((address) => this.options.askRouter(address))
    const relays = [...this.relays.values()].map(
      (address) =>
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
    known: Map<string, IpAddress>,
    tell: (addresses: readonly IpAddress[]) => void,
  ): Promise<void> {
    const missing = endpoints.filter((endpoint) => !known.has(endpoint))
    if (missing.length === 0) return
    const before = known.size
    await Promise.all(
      missing.map(async (endpoint) => {
        const address = await resolveEndpoint(endpoint, this.options.families)
        if (address) known.set(endpoint, address)
      }),
    )
    if (known.size > before) tell([...known.values()])
  }
}
