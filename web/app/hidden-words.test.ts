import { describe, expect, it } from 'vitest'
import type { HiddenView } from '../engine/protocol.ts'
import { hiddenWords } from './hidden-words.ts'

const words = (state: HiddenView['state'], introductionPoints = 0, peers = 0) =>
  hiddenWords({ state, introductionPoints, peers })

describe('words for a hidden swarm (issue 3: hidden seeding)', () => {
  it('says for every state what happens', () => {
    const states = ['off', 'looking', 'linked', 'preparing', 'seeding'] as const
    expect(new Set(states.map((state) => words(state))).size).toBe(states.length)
  })

  it('counts relays and peers', () => {
    expect(words('linked', 0, 1)).toContain('1 hidden peer,')
    expect(words('seeding', 1, 0)).toMatch(/^1 relay can .*nobody is linked yet/)
    expect(words('seeding', 3, 2)).toMatch(/^3 relays can .*2 peers linked/)
  })
})
