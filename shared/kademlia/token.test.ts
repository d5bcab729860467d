import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../bytes/address.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { TOKEN_ROTATION_MS, Tokens } from './token.ts'

const at = (host: string, port = 6881) => addressOf(host, port) as IpAddress

function tokens() {
  const clock = new VirtualClock()
  return { clock, tokens: new Tokens(clock, new SeededRandom(1)) }
}

describe('tokens (K-06: who stores reads at its address; BEP 5)', () => {
  it('are taken from the IP address that they were given to, whatever the port', () => {
    const { tokens: all } = tokens()
    for (const host of ['192.0.2.1', '2001:db8::1']) {
      const token = all.issue(at(host))
      expect(token).toHaveLength(8)
      expect(all.accepts(at(host), token)).toBe(true)
      expect(all.accepts(at(host, 1), token)).toBe(true)
      expect(all.accepts(at('192.0.2.2'), token)).toBe(false)
      expect(all.accepts(at(host), token.subarray(0, 7))).toBe(false)
      expect(all.accepts(at(host), new Uint8Array())).toBe(false)
    }
  })

  it.each([
    [0, true],
    [TOKEN_ROTATION_MS - 1, true],
    [TOKEN_ROTATION_MS, true],
    [2 * TOKEN_ROTATION_MS, false],
    [20 * TOKEN_ROTATION_MS, false],
  ])('given at the start of a period are after %d ms still good: %s', (ms, good) => {
    const { clock, tokens: all } = tokens()
    const token = all.issue(at('192.0.2.1'))
    clock.advance(ms)
    expect(all.accepts(at('192.0.2.1'), token)).toBe(good)
  })

  it('age by periods when others ask meanwhile', () => {
    const { clock, tokens: all } = tokens()
    const token = all.issue(at('192.0.2.1'))
    clock.advance(TOKEN_ROTATION_MS)
    expect(all.issue(at('192.0.2.1'))).not.toEqual(token)
    expect(all.accepts(at('192.0.2.1'), token)).toBe(true)
    clock.advance(TOKEN_ROTATION_MS)
    expect(all.accepts(at('192.0.2.1'), token)).toBe(false)
  })

  it('of one node are worth nothing at another', () => {
    const clock = new VirtualClock()
    const [a, b] = [new Tokens(clock, new SeededRandom(1)), new Tokens(clock, new SeededRandom(2))]
    expect(b.accepts(at('192.0.2.1'), a.issue(at('192.0.2.1')))).toBe(false)
  })
})
