import { describe, expect, it } from 'vitest'
import type { Circuit } from '../../shared/onion/circuit.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { PROBE } from './constants.ts'
import { SpeedTest } from './speed-test.ts'

/** A circuit that answers each test after 50 ms, save every `lostEach`th, and gives every `twiceEach`th the identifier before. */
function started({ lostEach = 0, twiceEach = 0 } = {}) {
  const clock = new VirtualClock()
  let sent = 0
  const circuit = {
    state: 'ready',
    sendTest: (bytes: number) => {
      const identifier = twiceEach > 0 && sent % twiceEach === 1 ? sent - 1 : sent
      sent++
      if (lostEach === 0 || sent % lostEach !== 0) {
        clock.after(50, () => test.tested(identifier, new Uint8Array(bytes)))
      }
      return identifier
    },
  }
  const test = new SpeedTest(circuit as unknown as Circuit, clock)
  return { clock, result: test.run() }
}

describe('a speed test of a circuit (C-06, messages 19 and 20)', () => {
  it('counts the bytes of a second, and nothing as lost where all is answered', async () => {
    const { clock, result } = started()
    await clock.advanceAsync(PROBE.testMs + 1_000)
    const { bytesPerSecond, lost } = await result
    expect(lost).toBe(0)
    // A window's worth in each round trip.
    expect(bytesPerSecond / (PROBE.window * PROBE.answerBytes * 20)).toBeCloseTo(1, 1)
  })

  it('counts as lost what was never answered', async () => {
    const { clock, result } = started({ lostEach: 10 })
    await clock.advanceAsync(PROBE.testMs + 1_000)
    expect((await result).lost).toBeCloseTo(0.1, 1)
  })

  it('takes no two questions under one identifier for one that was lost', async () => {
    const { clock, result } = started({ twiceEach: 10 })
    await clock.advanceAsync(PROBE.testMs + 1_000)
    expect((await result).lost).toBe(0)
  })
})
