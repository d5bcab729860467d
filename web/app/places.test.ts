import { describe, expect, it } from 'vitest'
import { hrefOf, placeOf } from './places.ts'

describe('places that addresses name (W-10)', () => {
  it('comes back to where its links lead', () => {
    for (const place of ['film', 'relays'] as const) expect(placeOf(hrefOf(place))).toBe(place)
  })

  it('takes what it does not know for the first page', () => {
    for (const hash of ['', '#', '#relay', '#relays/7', '#%00']) expect(placeOf(hash)).toBe('film')
  })
})
