import { CulvertError } from '../bytes/error.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { LinkAddress } from '../link/link-address.ts'
import type { Dialler, DialSignal, Wire } from '../link/wire.ts'

/** Calls off what was begun with it as `signal`; by itself never. */
export class CallOff implements DialSignal {
  private readonly listeners = new Set<() => void>()
  private called = false

  get aborted(): boolean {
    return this.called
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.listeners.add(listener)
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.listeners.delete(listener)
  }

  /** Idempotent. */
  abort(): void {
    if (this.called) return
    this.called = true
    for (const listener of [...this.listeners]) listener()
    this.listeners.clear()
  }
}

export interface RaceOptions {
  readonly publicKey: PublicKey
  /** Where the neighbour may be reached; those that no dialler takes are passed over. */
  readonly addresses: readonly LinkAddress[]
  readonly diallers: readonly Dialler[]
  /** Calls all of it off. */
  readonly signal: DialSignal
}

/**
 * Dials all addresses side by side, by every dialler that takes them. The first wire that is authenticated wins; the others are called off, and one that
 * opens all the same is closed.
 * @throws CulvertError `link-aborted`; `entry-no-way` if no address can be dialled; else the failure of the last to fail
 */
export async function firstWire({ publicKey, addresses, diallers, signal }: RaceOptions): Promise<Wire> {
  const others = new CallOff()
  const callOff = () => others.abort()
  if (signal.aborted) throw new CulvertError('link-aborted', 'the link is not wanted any more')
  signal.addEventListener('abort', callOff)
  let won = false
  let failure: unknown = new CulvertError('entry-no-way', 'no address of the relay can be used from here')
  const ways = addresses.flatMap((address) =>
    diallers.filter((each) => each.canDial(address)).map((dialler) => ({ address, dialler })),
  )
  const dial = async ({ address, dialler }: (typeof ways)[number]): Promise<Wire> => {
    try {
      const wire = await dialler.dial({ address, publicKey }, others)
      if (!won && !signal.aborted) {
        won = true
        return wire
      }
      wire.link.close('unneeded')
      throw new CulvertError('link-aborted', 'another way was faster')
    } catch (error) {
      failure = error
      throw error
    }
  }
  try {
    return await Promise.any(ways.map(dial))
  } catch {
    throw failure
  } finally {
    signal.removeEventListener('abort', callOff)
    callOff()
  }
}
