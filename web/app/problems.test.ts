import { describe, expect, it } from 'vitest'
import { actionWords, type ProblemCode, problemWords } from './problems.ts'

// A record, so that the compiler refuses this test when a code is added and not listed.
const all: Record<ProblemCode, true> = {
  'no-relay': true,
  'no-exit': true,
  'network-degraded': true,
  'no-circuit': true,
  'magnet-malformed': true,
  'torrent-malformed': true,
  'not-a-torrent-file': true,
  'sample-unavailable': true,
  'no-peers': true,
  'not-playable': true,
  'playback-broke': true,
  'media-unavailable': true,
  'save-refused': true,
  'storage-full': true,
  'memory-full': true,
  'engine-failed': true,
}
const codes = Object.keys(all) as ProblemCode[]

describe('problems in words that a viewer understands (N-06, W-10)', () => {
  it.each(codes)('%s: says what, what it means, what to do, and offers something', (code) => {
    const { title, meaning, advice, actions } = problemWords(code)
    expect(title).not.toMatch(/[.!]$/)
    for (const text of [meaning, advice]) expect(text).toMatch(/^[A-Z].*\.$/)
    expect(actions.length).toBeGreaterThan(0)
    for (const action of actions) expect(actionWords[action]).toBeTruthy()
  })

  it('uses no jargon of the engine room', () => {
    for (const code of codes) {
      const { title, meaning, advice } = problemWords(code)
      expect(`${title} ${meaning} ${advice}`).not.toMatch(
        /websocket|service worker|worker|handshake|descriptor|timeout|exception|error|undefined|utp|udp/i,
      )
    }
  })

  it('gives every problem a title of its own', () => {
    expect(new Set(codes.map((code) => problemWords(code).title)).size).toBe(codes.length)
  })
})
