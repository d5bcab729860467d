import { describe, expect, it } from 'vitest'
import type { HelpView, VolunteerView } from '../engine/bridge-protocol.ts'
import { helpStageOf, helpTells, helpWords, volunteerLimitWords, volunteerWords } from './bridge-words.ts'

const help = (over: Partial<HelpView>): HelpView => ({
  needed: true,
  agreed: false,
  progress: undefined,
  ...over,
})
const volunteer = (over: Partial<VolunteerView>): VolunteerView => ({
  on: true,
  elsewhere: false,
  ready: true,
  people: 0,
  helped: 0,
  bytesToday: 0,
  bytesPerDay: 500_000_000,
  bytesPerSecond: 250_000,
  mostPeople: 3,
  ...over,
})

describe('words of the way through another visitor (issue: volunteers)', () => {
  it.each([
    [undefined, 'hidden'],
    [help({ needed: false }), 'hidden'],
    [help({}), 'offer'],
    [help({ agreed: true }), 'working'],
    [help({ agreed: true, progress: 'nobody' }), 'working'],
    [help({ agreed: true, needed: false, progress: 'linked' }), 'linked'],
    // Agreed, and then the relay could be reached after all.
    [help({ agreed: true, needed: false }), 'hidden'],
  ] as const)('offers it where nothing else works: %o is %s', (view, stage) => {
    expect(helpStageOf(view)).toBe(stage)
  })

  it('tells before the yes who learns what', () => {
    const all = helpTells.join(' ')
    for (const said of [
      'learns your network address',
      'Not what you watch',
      'other visitor’s address',
      'relay',
    ]) {
      expect(all).toContain(said)
    }
  })

  it('has its own words for each state', () => {
    const states = [undefined, 'connecting', 'linked', 'nobody', 'busy', 'failed'] as const
    expect(new Set(states.map((progress) => helpWords(help({ progress })))).size).toBe(states.length)
  })
})

describe('words of a volunteer (issue: volunteers)', () => {
  it('names the limits', () => {
    expect(volunteerLimitWords(volunteer({}))).toBe(
      'Up to 250 kB a second each way, 500 MB a day and 3 visitors at once.',
    )
  })

  it.each([
    [{ on: false, bytesToday: 5_000_000 }, ''],
    [{ on: false, elsewhere: true }, 'Another tab of this browser passes others on already. One is enough.'],
    [{}, 'Nobody has needed it so far.'],
    [{ people: 1, bytesToday: 2_000_000 }, 'Passing on 1 visitor now. 2 MB passed on today.'],
    [{ people: 2 }, 'Passing on 2 visitors now.'],
    [{ helped: 4 }, 'Helped 4 visitors on this visit.'],
    [{ ready: false }, 'Waiting for this page’s own link to the site’s relay.'],
  ] as const)('says how it goes: %o', (over, words) => {
    expect(volunteerWords(volunteer(over))).toBe(words)
  })

  it('says when the day is used up', () => {
    expect(volunteerWords(volunteer({ bytesToday: 500_000_000 }))).toContain('until tomorrow')
  })
})
