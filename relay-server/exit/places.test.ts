import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { TestCircuit } from './exit.fixture.ts'
import { Places } from './places.ts'

function newPlaces(most: number) {
  const clock = new VirtualClock()
  const counters = new Counters()
  const ended: unknown[] = []
  const places: Places = new Places({
    clock,
    counters,
    most,
    end: (circuit) => {
      ended.push(circuit)
      places.giveBack(circuit)
    },
  })
  return { clock, counters, ended, places }
}

const MINUTE = 60_000

describe('places at an exit (O-06)', () => {
  it('are a quarter for one neighbour, whatever he opens: others get in', () => {
    const { counters, places } = newPlaces(8)
    const his = Array.from({ length: 5 }, () => new TestCircuit('198.51.100.7'))
    expect(his.map((circuit) => places.use(circuit))).toEqual([true, true, false, false, false])
    expect(counters.get('exit-neighbour-full')).toBe(3)
    expect(places.use(new TestCircuit('198.51.100.8'))).toBe(true)
    places.giveBack(his[0] as TestCircuit)
    places.giveBack(his[0] as TestCircuit)
    expect(his.slice(2).map((circuit) => places.use(circuit))).toEqual([true, false, false])
  })

  it('go to newcomers from circuits that sent nothing for three minutes, and are taken anew by those that do again', () => {
    const { clock, counters, ended, places } = newPlaces(2)
    const [quiet, busy, third] = [new TestCircuit(), new TestCircuit(), new TestCircuit()]
    places.use(quiet)
    places.use(busy)
    clock.advance(2 * MINUTE)
    places.use(busy)
    expect(places.use(third)).toBe(false)
    expect(counters.get('exit-circuits-full')).toBe(1)
    clock.advance(MINUTE)
    expect(places.use(third)).toBe(true)
    expect(ended).toEqual([quiet])
    expect(counters.get('exit-circuit-idle')).toBe(1)
    expect(places.use(quiet)).toBe(false)
    clock.advance(2 * MINUTE)
    expect(places.use(quiet)).toBe(true)
    expect(ended).toEqual([quiet, busy])
  })

  it('stay with idle circuits while there is room', () => {
    const { clock, ended, places } = newPlaces(8)
    places.use(new TestCircuit('198.51.100.7'))
    clock.advance(60 * MINUTE)
    places.use(new TestCircuit('198.51.100.7'))
    expect(ended).toEqual([])
    places.use(new TestCircuit('198.51.100.7'))
    expect(ended).toHaveLength(1)
  })

  it('are not taken from others where only the newcomer’s neighbour has too many', () => {
    const { clock, ended, places } = newPlaces(8)
    const [other, his] = [new TestCircuit('198.51.100.8'), new TestCircuit('198.51.100.7')]
    places.use(other)
    places.use(his)
    clock.advance(3 * MINUTE)
    places.use(new TestCircuit('198.51.100.7'))
    expect(places.use(new TestCircuit('198.51.100.7'))).toBe(true)
    expect(ended).toEqual([his])
  })
})
