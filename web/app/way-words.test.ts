import { describe, expect, it } from 'vitest'
import { circuit, way } from './views.fixture.ts'
import { connectionWords, throughWords, wayHealthWords, wayWords } from './way-words.ts'

describe('words about ways in (L-01, L-07)', () => {
  it('says what carries it, to whom, and who introduced us', () => {
    expect(wayWords(way())).toBe('over WebSocket to Marram')
    expect(wayWords(way({ kind: 'webrtc', introducedBy: 'Alder' }))).toBe(
      'over WebRTC to Marram, introduced by Alder',
    )
    expect(wayWords(way({ kind: 'webrtc' }))).toBe('over WebRTC to Marram')
    expect(wayWords(way({ onion: true }))).toBe('over Tor to Marram')
    expect(wayWords(way({ kind: 'bridge' }))).toBe('through another visitor’s page to Marram')
    expect(wayWords(way({ name: '' }))).toBe('over WebSocket to a relay')
  })

  it('says in one line how the page is connected, by what works if anything does', () => {
    const lost = way({ state: 'lost' })
    expect(connectionWords([])).toBe('')
    expect(connectionWords([way()])).toBe('Connected over WebSocket to Marram')
    expect(connectionWords([lost, way({ name: 'Birch' })])).toBe('Connected over WebSocket to Birch')
    expect(connectionWords([way({ state: 'reconnecting' }), lost])).toBe('Reconnecting to Marram')
    expect(connectionWords([lost])).toBe('Lost Marram, trying all ways to it again')
    expect(connectionWords([way({ state: 'lost', name: '' })])).toMatch(/^Lost the relay/)
  })

  it('says how far it is and since when, to the minute', () => {
    expect(wayHealthWords(way({ latencyMs: 12, ageSeconds: 59 }))).toBe('12 ms, new')
    expect(wayHealthWords(way({ latencyMs: 12, ageSeconds: 359 }))).toBe('12 ms, for 5 min')
    expect(wayHealthWords(way({ latencyMs: undefined, ageSeconds: 7_200 }))).toBe('for 2 hr')
    expect(wayHealthWords(way({ state: 'reconnecting' }))).toBe('reconnecting')
    expect(wayHealthWords(way({ state: 'lost' }))).toBe('lost, trying again')
  })
})

describe('words about a circuit (W-05)', () => {
  it('says that relays know only their neighbours, where there are two or more', () => {
    const latencyMs = undefined
    expect(throughWords(circuit(3))).toBe('Through 3 relays, 42 ms there and back')
    expect(throughWords(circuit(2, { latencyMs }))).toBe('Through 2 relays, each knowing only its neighbours')
    expect(throughWords(circuit(1, { latencyMs }))).toBe('Through 1 relay')
  })
})
