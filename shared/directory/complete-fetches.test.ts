import { describe, expect, it } from 'vitest'
import { addressOf, NO_ADDRESS } from '../bytes/address.ts'
import type { Link } from '../link/link.ts'
import { CompleteFetches } from './complete-fetches.ts'

const link = (kind: Link['kind'], address: Link['address']) => ({ kind, address }) as Link

describe('who has told all that he knows (D-04)', () => {
  it('is known of each whose address says nothing by himself, and spares nobody else', () => {
    const complete = new CompleteFetches()
    const [first, second] = [link('neighbour', NO_ADDRESS), link('neighbour', NO_ADDRESS)]
    complete.add(first, 100)
    expect([complete.from(first), complete.from(second)]).toEqual([100, undefined])
    complete.add(second, 200)
    expect(complete.from(link('neighbour', NO_ADDRESS))).toBeUndefined()
    complete.add(link('circuit', addressOf('198.51.100.1', 1)), 300)
    expect(complete.from(link('udp', addressOf('198.51.100.1', 1)))).toBeUndefined()
  })

  it('is known by address of the others, and spares all when two networks have told', () => {
    const complete = new CompleteFetches()
    const at = (host: string) => link('udp', addressOf(host, 7759))
    complete.add(at('198.51.100.1'), 100)
    complete.add(at('198.51.100.2'), 150)
    expect([complete.from(at('198.51.100.1')), complete.from(at('203.0.113.9'))]).toEqual([100, undefined])
    complete.add(at('203.0.113.1'), 200)
    expect(complete.from(at('192.0.2.1'))).toBe(150)
    expect(complete.from(at('203.0.113.1'))).toBe(200)
  })
})
