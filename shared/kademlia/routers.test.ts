import { describe, expect, it } from 'vitest'
import { addressOf, formatAddress, type IpAddress } from '../bytes/address.ts'
import { ID_BYTES } from './constants.ts'
import { Routers } from './routers.ts'

const at = (n: number) => addressOf(`198.51.100.${n}`, 6881) as IpAddress

describe('the routers of the DHT (D-02, D-05)', () => {
  it('are those given last: what their names led to before is forgotten', () => {
    const routers = new Routers()
    routers.set([at(1), at(2)])
    for (const n of [1, 2]) routers.heard(at(n), new Uint8Array(ID_BYTES))
    routers.set([at(2), at(3)])
    expect(routers.addresses).toEqual([at(2), at(3)])
    expect([1, 2, 3].map((n) => routers.has(at(n)))).toEqual([false, true, true])
    expect(routers.contacts('ipv4').map(({ address }) => formatAddress(address))).toEqual([
      '198.51.100.2:6881',
    ])
  })

  it('are so many and no more, also of names that lead elsewhere each time', () => {
    const routers = new Routers()
    for (let round = 0; round < 3; round++) {
      routers.set(Array.from({ length: 70 }, (_, n) => at(70 * round + n)))
      expect(routers.addresses).toHaveLength(64)
    }
    expect(routers.has(at(140))).toBe(true)
  })
})
