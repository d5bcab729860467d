import { describe, expect, it } from 'vitest'
import { addressOf } from '../bytes/address.ts'
import { TestLink } from '../onion/onion.fixture.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { LINK_DEAD_MS, LINK_SILENT_MS } from './constants.ts'
import { LinkWatch } from './link-watch.ts'

function watched() {
  const clock = new VirtualClock()
  const link = new TestLink(addressOf('192.0.2.1', 7000))
  const events: string[] = []
  const watch = new LinkWatch({
    clock,
    changed: () => events.push(watch.isSilent(link) ? 'silent' : 'heard'),
    dead: () => events.push('dead'),
  })
  watch.heardFrom(link)
  clock.advance(LINK_DEAD_MS / 2)
  watch.suspect(link)
  return { clock, link, watch, events }
}

describe('a link with a circuit that has fallen silent (C-05)', () => {
  it('is silent once what is asked over it now has had its time, however long it was idle', () => {
    const { clock, events } = watched()
    clock.advance(LINK_SILENT_MS / 2 - 1)
    expect(events).toEqual([])
    clock.advance(1)
    expect(events).toEqual(['silent'])
  })

  it('is not called silent where something comes', () => {
    const { clock, link, watch, events } = watched()
    clock.advance(LINK_SILENT_MS / 2 - 1)
    watch.heardFrom(link)
    clock.advance(60_000)
    expect(events).toEqual([])
  })

  it('is watched on: heard again, or dead in the end', () => {
    const { clock, link, watch, events } = watched()
    clock.advance(LINK_SILENT_MS)
    watch.heardFrom(link)
    expect(events).toEqual(['silent', 'heard'])
    watch.suspect(link)
    clock.advance(LINK_DEAD_MS)
    expect(events).toEqual(['silent', 'heard', 'silent', 'dead'])
  })
})
