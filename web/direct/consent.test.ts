import { describe, expect, it } from 'vitest'
import { Consent } from './consent.ts'

describe('consent to direct mode (C-09)', () => {
  it('is not there at first', () => {
    expect(new Consent().given).toBe(false)
  })

  it('is given only by somebody who confirmed the warning', () => {
    const consent = new Consent()
    expect(() => consent.give(false)).toThrow(expect.objectContaining({ code: 'direct-not-confirmed' }))
    expect(consent.given).toBe(false)
    const signal = consent.give(true)
    expect([consent.given, signal.aborted]).toEqual([true, false])
    expect(() => consent.give(true)).toThrow(expect.objectContaining({ code: 'direct-already-given' }))
  })

  it('ends what lives by it when it is withdrawn', () => {
    const consent = new Consent()
    const signal = consent.give(true)
    let ended = 0
    signal.addEventListener('abort', () => {
      ended += 1
      // Whoever looks at it while it ends sees it gone.
      expect(consent.given).toBe(false)
    })
    consent.withdraw()
    consent.withdraw()
    expect([ended, signal.aborted, consent.given]).toEqual([1, true, false])
  })

  it('has to be given anew after that, and does not revive what ended', () => {
    const consent = new Consent()
    const first = consent.give(true)
    consent.withdraw()
    const second = consent.give(true)
    expect([first.aborted, second.aborted]).toEqual([true, false])
  })

  it('is of one page: another begins without', () => {
    new Consent().give(true)
    expect(new Consent().given).toBe(false)
  })
})
