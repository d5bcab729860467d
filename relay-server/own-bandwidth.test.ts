import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../shared/sim/virtual-clock.ts'
import { OwnBandwidth } from './own-bandwidth.ts'

function relay() {
  const clock = new VirtualClock()
  let bytes = 5_000_000
  const own = new OwnBandwidth(clock, () => bytes)
  own.start()
  const carry = (bytesPerSecond: number, seconds: number) => {
    for (let n = 0; n < seconds; n++) {
      bytes += bytesPerSecond
      clock.advance(1_000)
    }
  }
  return { clock, own, carry }
}

describe('what a relay says that it can carry (C-06, D-06)', () => {
  it('is nothing before it has carried anything', () => {
    const { own, clock } = relay()
    clock.advance(60_000)
    expect(own.bytesPerSecond).toBe(0)
  })

  it('is what it held for ten seconds, and no burst', () => {
    const { own, carry } = relay()
    carry(1_000_000, 10)
    expect(own.bytesPerSecond).toBe(1_000_000)
    carry(0, 10)
    carry(5_000_000, 1)
    carry(0, 20)
    expect(own.bytesPerSecond).toBe(1_000_000)
    carry(3_000_000, 10)
    expect(own.bytesPerSecond).toBe(3_000_000)
  })

  it('is forgotten after a day', () => {
    const { own, carry, clock } = relay()
    carry(2_000_000, 10)
    clock.advance(12 * 3_600_000)
    carry(500_000, 10)
    expect(own.bytesPerSecond).toBe(2_000_000)
    clock.advance(12 * 3_600_000)
    expect(own.bytesPerSecond).toBe(500_000)
    own.stop()
    expect(clock.idle).toBe(true)
  })

  it('fits the field of the descriptor', () => {
    const { own, carry } = relay()
    carry(5e9, 10)
    expect(own.bytesPerSecond).toBe(0xffff_ffff)
  })
})
