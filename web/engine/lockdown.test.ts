import { describe, expect, it } from 'vitest'
import { lockDown } from './lockdown.ts'

describe('ways out of the worker (W-03)', () => {
  it('takes them off for good, inherited ones and WebRTC by its prefix too', () => {
    const inherited = { fetch: () => 'out', RTCDataChannel: class {} }
    const scope: Record<string, unknown> = Object.create(inherited)
    Object.assign(scope, { WebSocket: class {}, RTCSomethingNew: class {}, setTimeout: () => 1 })
    expect(lockDown(scope).sort()).toEqual(['RTCDataChannel', 'RTCSomethingNew', 'WebSocket', 'fetch'])
    for (const name of ['fetch', 'WebSocket', 'RTCDataChannel', 'RTCSomethingNew'])
      expect(scope[name]).toBeUndefined()
    expect(() => {
      scope.fetch = () => 'out'
    }).toThrow(TypeError)
    expect(scope.setTimeout).toBeTypeOf('function')
  })

  it('takes what fetches by another name: caches and fonts', () => {
    const scope: Record<string, unknown> = {
      caches: {},
      CacheStorage: class {},
      Cache: class {},
      FontFace: class {},
    }
    lockDown(scope)
    expect(Object.values(scope)).toEqual([undefined, undefined, undefined, undefined])
  })

  it('leaves everything but a worker alone', () => {
    expect(globalThis.fetch).toBeTypeOf('function')
  })
})
