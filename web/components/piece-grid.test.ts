import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pieces } from '../app/views.fixture.ts'
import { countPieces, layPieces } from './piece-grid.ts'

describe('the piece map (W-08)', () => {
  it('gives each of 20 pieces a large cell', () => {
    const grid = layPieces(pieces(20, 0.5), 300, 90)
    expect(grid.cells).toHaveLength(20)
    expect(grid.cell).toBe(16)
  })

  it('lets several of 20,000 share a cell, and stays in its box', () => {
    const grid = layPieces(pieces(20_000, 0.3), 300, 90)
    expect(grid.cells.length).toBeLessThanOrEqual(1080)
    expect(grid.cells.some(({ here }) => here > 0 && here < 1)).toBe(true)
  })

  it('draws nothing of nothing', () => {
    expect(layPieces(new Uint8Array(), 300, 90).cells).toEqual([])
  })

  it('counts', () => {
    expect(countPieces(Uint8Array.of(2, 1, 0, 2, 7))).toEqual({ here: 2, fetching: 1 })
  })

  it('never leaves the box, and is full exactly when all is here', () => {
    const anyPieces = fc.uint8Array({ min: 0, max: 2, minLength: 1, maxLength: 3000 })
    fc.assert(
      fc.property(
        anyPieces,
        fc.integer({ min: 60, max: 900 }),
        fc.integer({ min: 40, max: 200 }),
        (map, w, h) => {
          const grid = layPieces(map, w, h)
          expect(grid.columns * (grid.cell + grid.gap)).toBeLessThanOrEqual(w)
          expect(grid.rows * (grid.cell + grid.gap)).toBeLessThanOrEqual(h)
          expect(grid.cells.every(({ here }) => here === 1)).toBe(map.every((state) => state === 2))
        },
      ),
      { numRuns: 60 },
    )
  })
})
