import { describe, expect, it } from 'vitest'
import { buildingCircuit, circuit, hop } from '../app/views.fixture.ts'
import { placesOf } from './circuit-path.ts'

describe('the way as the picture draws it (W-05, C-02)', () => {
  it.each([1, 2, 3] as const)('%d hops: each relay takes one layer off', (hops) => {
    const places = placesOf(circuit(hops), hops)
    expect(places).toHaveLength(hops + 2)
    expect(places.map(({ layersOnward }) => layersOnward)).toEqual([
      ...Array.from({ length: hops + 1 }, (_, index) => hops - index),
      undefined,
    ])
    expect(places[0]?.kind).toBe('you')
    expect(places.at(-1)).toMatchObject({ kind: 'swarm', state: 'proven' })
  })

  it('plans the way before there is a circuit', () => {
    const places = placesOf(undefined, 2)
    expect(places.map(({ title }) => title)).toEqual(['You', 'Entry', 'Exit', 'Swarm'])
    expect(places.slice(1).every(({ state }) => state === 'waiting')).toBe(true)
  })

  it('follows the circuit, not the choice, while both differ', () => {
    expect(placesOf(circuit(3), 1)).toHaveLength(5)
  })

  it('reaches the swarm only when the circuit is ready', () => {
    expect(placesOf(buildingCircuit(2), 3).map(({ state }) => state)).toEqual([
      'proven',
      'proven',
      'proven',
      'extending',
      'waiting',
    ])
  })

  it.each([
    ['127.0.0.12:41234', '127.0.0.12'],
    ['127.0.0.12', '127.0.0.12'],
    ['[2001:db8::7]:41234', '2001:db8::7'],
    ['2001:db8::7', '2001:db8::7'],
    ['', undefined],
    [undefined, 'No public address'],
  ])('shows %j as %j', (address, shown) => {
    expect(placesOf(circuit(1, { hops: [{ ...hop('exit'), address }] }), 1)[1]?.address).toBe(shown)
  })

  it('says plainly that one hop is the only relay', () => {
    expect(placesOf(circuit(1), 1)[1]?.title).toBe('The only relay')
  })
})
