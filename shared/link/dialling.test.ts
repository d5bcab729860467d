import { describe, expect, it } from 'vitest'
import { CulvertError } from '../bytes/error.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { type DialEnds, type DialLimits, dialling, unreachable } from './dialling.ts'
import type { Wire } from './wire.ts'

const LIMIT_MS = 1_000

/** One attempt that does nothing by itself. */
function attempt(more: Partial<DialLimits> = {}, begins: (ends: DialEnds) => void = () => {}) {
  const clock = new VirtualClock()
  const stop = new AbortController()
  const released: string[] = []
  const closed: string[] = []
  const heard: { ends?: DialEnds } = {}
  const limits = { clock, signal: stop.signal, timeoutMs: LIMIT_MS, ...more }
  const dialled = dialling(limits, (ends) => {
    heard.ends = ends
    begins(ends)
    return ({ code }) => void released.push(code)
  })
  const outcome = dialled.then(
    () => 'a wire',
    (error: CulvertError) => error.code,
  )
  const wire = { link: { close: (reason: string) => void closed.push(reason) } } as unknown as Wire
  return { clock, stop, released, closed, heard, outcome, wire }
}

describe('an attempt to open a wire (L-02)', () => {
  it('has a time limit, and lets go of everything after it', async () => {
    const { clock, heard, released, outcome } = attempt()
    clock.advance(LIMIT_MS - 1)
    expect(heard.ends?.isOver).toBe(false)
    clock.advance(1)
    expect(await outcome).toBe('link-unreachable')
    expect(heard.ends?.isOver).toBe(true)
    expect(released).toEqual(['link-unreachable'])
  })

  it('has none of this kind once it is connected', async () => {
    const { clock, heard, released, outcome, wire } = attempt()
    heard.ends?.connected()
    clock.advance(10 * LIMIT_MS)
    heard.ends?.onWire(wire)
    expect(await outcome).toBe('a wire')
    expect(released).toEqual([])
  })

  it('is ended by its signal, and not once there is a wire', async () => {
    const ended = attempt()
    ended.stop.abort()
    expect(await ended.outcome).toBe('link-aborted')
    expect(ended.released).toEqual(['link-aborted'])

    const open = attempt()
    open.heard.ends?.onWire(open.wire)
    open.stop.abort()
    open.clock.advance(LIMIT_MS)
    expect(await open.outcome).toBe('a wire')
    expect(open.released).toEqual([])
  })

  it('does not begin where nobody wants it any more, nor before its delay', async () => {
    const unwanted = attempt({ signal: AbortSignal.abort() })
    expect(await unwanted.outcome).toBe('link-aborted')
    expect(unwanted.heard.ends).toBeUndefined()

    const late = attempt({ delayMs: 500 })
    late.clock.advance(499)
    expect(late.heard.ends).toBeUndefined()
    late.clock.advance(LIMIT_MS)
    expect(late.heard.ends?.isOver).toBe(false)
    late.clock.advance(1)
    expect(await late.outcome).toBe('link-unreachable')

    const left = attempt({ delayMs: 500 })
    left.stop.abort()
    left.clock.advance(500)
    expect(await left.outcome).toBe('link-aborted')
    expect(left.heard.ends).toBeUndefined()
  })

  it('fails for its first reason alone, and closes a wire that comes later', async () => {
    const { heard, released, closed, outcome, wire } = attempt()
    heard.ends?.onFailed(new CulvertError('link-full', 'full'))
    heard.ends?.onFailed(unreachable())
    heard.ends?.onWire(wire)
    expect(await outcome).toBe('link-full')
    expect(released).toEqual(['link-full'])
    expect(closed).toEqual(['unneeded'])
  })

  it('fails as it begins, and leaves no timer', async () => {
    const failing = attempt({}, (ends) => ends.onFailed(unreachable()))
    expect(await failing.outcome).toBe('link-unreachable')
    expect(failing.released).toEqual(['link-unreachable'])

    const throwing = attempt({}, () => {
      throw new CulvertError('link-full', 'full')
    })
    expect(await throwing.outcome).toBe('link-full')
    expect(throwing.released).toEqual([])
    expect(throwing.clock.idle).toBe(true)
  })
})
