import { describe, expect, it } from 'vitest'
import { CHECK_NAMES, REASON_CODES } from '../../shared/trust/verdict.ts'
import { countriesByName, countryName } from './countries.ts'
import { checkWords, circuitWords, comparisonWords, reasonWords, searchResultWords } from './relay-words.ts'
import { relay } from './relays.fixture.ts'

describe('words about relays (D-06, D-08)', () => {
  it('has a sentence of its own for every reason and check', () => {
    const sentences = REASON_CODES.map((code) => reasonWords[code].text)
    expect(new Set(sentences).size).toBe(REASON_CODES.length)
    for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].+\.$/)
    expect(new Set(CHECK_NAMES.map((name) => checkWords[name].meaning)).size).toBe(5)
  })

  it('tells what a search came to', () => {
    const result = { method: 'dht', met: 7, found: 3, seconds: 4, success: true, problem: undefined } as const
    expect(searchResultWords(result)).toBe('7 relays, 3 of them new, in 4 sec.')
    expect(searchResultWords({ ...result, found: 0 })).toBe('7 relays, all known before, in 4 sec.')
    expect(searchResultWords({ ...result, found: 0, met: 0 })).toBe('No relay found, in 4 sec.')
    expect(searchResultWords({ ...result, problem: 'no-circuit' })).toMatch(/no circuit/)
  })

  it('tells what the entry kept back, or that it cannot be told yet', () => {
    expect(comparisonWords(0, 0, 0)).toMatch(/^Not compared yet/)
    expect(comparisonWords(3, 0, 0)).toBe(
      'Compared with what 3 other relays told through circuits: your entry kept none back.',
    )
    expect(comparisonWords(3, 2, 1)).toContain(
      '2 relays that your entry did not tell of. 1 relay known from one source alone',
    )
  })

  it('names the places of a relay in the circuits of now', () => {
    const at = (position: number, last: boolean, primary: boolean) => ({
      circuit: 2,
      position,
      last,
      primary,
    })
    expect(circuitWords(relay(1))).toBe('')
    expect(circuitWords(relay(1, { circuits: [at(0, false, true), at(1, true, false)] }))).toBe(
      'entry of your circuit, exit of standby 2',
    )
    expect(circuitWords(relay(1, { circuits: [at(0, true, true)] }))).toBe('exit of your circuit')
  })

  it('names countries, and leaves alone what is none', () => {
    expect(countryName('DE')).toBe('Germany')
    expect(countryName('not a code')).toBe('not a code')
    expect(countriesByName(['DE', 'AT', 'BE']).map(({ name }) => name)).toEqual([
      'Austria',
      'Belgium',
      'Germany',
    ])
  })
})
