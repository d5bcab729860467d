import { toHex } from '../../shared/bytes/bytes.ts'
import { linkAddressesOf } from '../../shared/directory/descriptor-addresses.ts'
import type { Directory, DirectoryEntry } from '../../shared/directory/directory.ts'
import { BoundedMap } from '../../shared/ipv8/bounded-map.ts'
import type { Dialler, Wire } from '../../shared/link/wire.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import { PROOF_DIALS, PROOF_LOOK_MS, PROOF_REST_MS, PROOF_TIMEOUT_MS, PROOFS } from './constants.ts'

export interface LinkProofsOptions {
  readonly clock: Clock
  readonly directory: Pick<Directory, 'list' | 'markProven'>
  readonly diallers: readonly Dialler[]
  /** Whether relays that say that they speak UDP can be asked there for a proof; then they are. */
  udpWorks(): boolean
  /** The wires that there are to a relay. */
  wiresTo(mid: Uint8Array): readonly Wire[]
  /** A wire that was opened for the sake of the proof. */
  onWire(wire: Wire): void
}

/**
 * Relays that UDP does not reach prove themselves by a link: one that was dialled at an address which their descriptor names
 * shows that the key is there. Those that nobody has dialled yet are, one after the other.
 */
export class LinkProofs {
  private readonly options: LinkProofsOptions
  /** When a relay was last dialled for a proof, and how often, by mid. */
  private readonly dialled = new BoundedMap<string, { readonly atMs: number; readonly times: number }>(PROOFS)
  private dialling = 0
  private timer: Timer | undefined
  private aborting = new Set<AbortController>()

  constructor(options: LinkProofsOptions) {
    this.options = options
  }

  start(): void {
    this.timer = this.options.clock.after(PROOF_LOOK_MS, () => {
      this.look()
      this.start()
    })
  }

  stop(): void {
    this.timer?.cancel()
    for (const controller of this.aborting) controller.abort()
  }

  private look(): void {
    const { directory, wiresTo } = this.options
    for (const entry of directory.list()) {
      if (entry.proven || !this.isAskedByLink(entry)) continue
      const { mid } = entry.descriptor.publicKey
      // `address`: of what was dialled from here.
      if (wiresTo(mid).some(({ address }) => address !== undefined)) directory.markProven(mid, undefined)
      else if (this.dialling < PROOF_DIALS && this.isDue(toHex(mid))) void this.dial(entry)
    }
  }

  private isAskedByLink({ descriptor: { udp } }: DirectoryEntry): boolean {
    return udp === undefined || !this.options.udpWorks()
  }

  private isDue(mid: string): boolean {
    const last = this.dialled.get(mid)
    return last === undefined || this.options.clock.now() - last.atMs >= PROOF_REST_MS
  }

  private async dial({ descriptor }: DirectoryEntry): Promise<void> {
    const { clock, diallers, directory, onWire } = this.options
    const { publicKey } = descriptor
    const key = toHex(publicKey.mid)
    const times = this.dialled.get(key)?.times ?? 0
    this.dialled.set(key, { atMs: clock.now(), times: times + 1 })
    const ways = linkAddressesOf(descriptor).flatMap((address) =>
      diallers.filter((dialler) => dialler.canDial(address)).map((dialler) => ({ dialler, address })),
    )
    // Another one each time, since each may be the one that works from here.
    const found = ways[times % ways.length]
    if (found === undefined) return
    const controller = new AbortController()
    const timer = clock.after(PROOF_TIMEOUT_MS, () => controller.abort())
    this.aborting.add(controller)
    this.dialling++
    try {
      const wire = await found.dialler.dial({ address: found.address, publicKey }, controller.signal)
      directory.markProven(publicKey.mid, undefined)
      onWire(wire)
    } catch {
      // It is not there, or not who it says: it stays unproven, which is all that there is to say of it.
    } finally {
      this.dialling--
      this.aborting.delete(controller)
      timer.cancel()
    }
  }
}
