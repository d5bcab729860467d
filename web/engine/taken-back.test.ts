import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Wire } from 'webtorrent'
import { TakenBack } from './taken-back.ts'

/** A wire that writes down what goes over it. */
function recording() {
  const sent: string[] = []
  const wire: Wire = {
    destroyed: false,
    peerChoking: false,
    downloadSpeed: () => 0,
    once: () => wire,
    requests: [],
    request: (piece, offset) => void sent.push(`request ${piece} ${offset}`),
    cancel: (piece, offset) => void sent.push(`cancel ${piece} ${offset}`),
  }
  return { wire, sent }
}

describe('blocks taken back when somebody seeks (W-02)', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('are asked for again of the same peer after a rest, and others at once', () => {
    const { wire, sent } = recording()
    const taken = new TakenBack()
    taken.takeBack(wire, { piece: 3, offset: 0, length: 16_384 })
    wire.request(3, 0, 16_384, () => undefined)
    wire.request(9, 0, 16_384, () => undefined)
    expect(sent).toEqual(['cancel 3 0', 'request 9 0'])
    vi.advanceTimersByTime(3_001)
    expect(sent).toEqual(['cancel 3 0', 'request 9 0', 'request 3 0'])
    wire.request(3, 0, 16_384, () => undefined)
    expect(sent).toHaveLength(4)
  })

  it('are asked for of another peer at once', () => {
    const [one, other] = [recording(), recording()]
    const taken = new TakenBack()
    taken.takeBack(one.wire, { piece: 3, offset: 0, length: 16_384 })
    taken.takeBack(other.wire, { piece: 4, offset: 0, length: 16_384 })
    other.wire.request(3, 0, 16_384, () => undefined)
    expect(other.sent).toEqual(['cancel 4 0', 'request 3 0'])
  })
})
