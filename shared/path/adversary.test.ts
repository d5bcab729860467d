import { describe, expect, it } from 'vitest'
import { type AdversaryModel, ourRule, triblersRule } from './adversary.fixture.ts'

const MODEL: AdversaryModel = {
  relays: 60,
  exitShare: 0.25,
  share: 0.2,
  promise: 1,
  speed: 1,
  users: 200,
  days: 30,
  circuitsPerDay: 2,
  seed: 7,
}

describe('what an adversary gains who runs a fifth of the relays (issue 3, docs/path-selection.md)', () => {
  it('captures far fewer users than under the rule of the hop’s own candidates', () => {
    const ours = ourRule(MODEL, 1)
    const theirs = triblersRule(MODEL)
    expect(theirs.users).toBeGreaterThan(0.8)
    expect(ours.users).toBeGreaterThan(0.1)
    expect(ours.users).toBeLessThan(0.3)
    expect(ours.bothEnds).toBeLessThan(theirs.bothEnds)
    expect(ours.allHops).toBeLessThan(theirs.allHops / 3)
  })

  it('gains nothing by a promise', () => {
    const honest = ourRule({ ...MODEL, users: 100 }, 2)
    const boasting = ourRule({ ...MODEL, users: 100, promise: 4 }, 2)
    expect(boasting).toEqual(honest)
  })

  it('gains less than it pays for by speed', () => {
    const slow = ourRule({ ...MODEL, users: 100 }, 2)
    const fast = ourRule({ ...MODEL, users: 100, speed: 4 }, 2)
    expect(fast.users).toBeLessThan(1.2 * slow.users)
    expect(fast.bothEnds).toBeLessThan(2.5 * slow.bothEnds)
  })
})
