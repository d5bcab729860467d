import { KeyPair } from '../identity/keys.ts'
import type { LinkKind } from '../link/link.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import type { PathRelay } from './relay.ts'

const random = new SeededRandom(1)

/** A relay that is reached by its key alone. */
export function keyedRelay(
  name: string,
  kinds: readonly LinkKind[],
  more: Partial<PathRelay> = {},
): PathRelay {
  return { ...testRelay(name, '192.0.2.1', more), address: undefined, kinds }
}

/** A relay of a test's directory; its key is fresh, the rest as given. */
export function testRelay(name: string, host: string, more: Partial<PathRelay> = {}): PathRelay {
  return {
    publicKey: KeyPair.generate(random).publicKey,
    name,
    address: { kind: host.includes(':') ? 'ipv6' : 'ipv4', host, port: 7759 },
    family: '',
    culvert: true,
    exit: 'none',
    bytesPerSecond: 1_000_000,
    ...more,
  }
}
