import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../bytes/address.ts'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { HIDDEN_RELAY_LIMITS, SOURCE } from './constants.ts'
import { Hearsay } from './hearsay.ts'

const KEY = new Uint8Array(20).fill(5)

function stage() {
  const random = new SeededRandom(6)
  const hearsay = new Hearsay({ ...HIDDEN_RELAY_LIMITS, toldByOne: 3 }, new VirtualClock())
  const relays = [1, 2].map((n) => ({
    publicKey: KeyPair.generate(random).publicKey,
    address: addressOf(`198.51.100.${n}`, 7000) as IpAddress,
  }))
  /** A datagram from the address of the `n`th relay tells of seeders there, each named by one byte. */
  const tell = (n: number, ...seeders: number[]): number => {
    const relay = relays[n]
    if (!relay) throw new RangeError('no such relay')
    const { address, publicKey } = relay
    const points = seeders.map((seeder) => ({
      ...{ address, nodeKey: publicKey.bytes, source: SOURCE.pex },
      seederKey: new Uint8Array(74).fill(seeder),
    }))
    return hearsay.add(address, () => publicKey, KEY, points)
  }
  const known = () => hearsay.of(KEY).map(({ seederKey }) => seederKey[0])
  return { tell, known }
}

describe('what relays tell each other of seeders (N-11, issue 3: hidden seeding)', () => {
  it('gives a relay the places of its own oldest word, so that nobody who forges its address fills them for good', () => {
    const { tell, known } = stage()
    tell(1, 70)
    tell(0, 1, 2, 3)
    expect(tell(0, 9)).toBe(1)
    expect(known()).toEqual([70, 2, 3, 9])
    // What is told again is new again, and takes no place but its own.
    tell(0, 2)
    expect(known()).toEqual([70, 3, 9, 2])
    tell(0, 4, 5)
    expect(known()).toEqual([70, 2, 4, 5])
  })
})
