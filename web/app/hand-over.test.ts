import { describe, expect, it } from 'vitest'
import { handOver, offersDirect, type Shelf, takeOver } from './hand-over.ts'

const MAGNET = `magnet:?xt=urn:btih:${'ab'.repeat(20)}&dn=A+film`

class Memory implements Shelf {
  readonly kept = new Map<string, string>()
  getItem(key: string) {
    return this.kept.get(key) ?? null
  }
  setItem(key: string, value: string) {
    this.kept.set(key, value)
  }
  removeItem(key: string) {
    this.kept.delete(key)
  }
}

/** What takeOver makes of a text that something else put there. */
function takenFrom(text: string) {
  const shelf = new Memory()
  handOver({ kind: 'magnet', uri: MAGNET, name: undefined }, shelf)
  const [key = ''] = shelf.kept.keys()
  shelf.setItem(key, text)
  return takeOver(shelf)
}

describe('what the private page hands over to direct mode (C-09)', () => {
  it('is a magnet link, taken off at once', () => {
    const shelf = new Memory()
    handOver({ kind: 'magnet', uri: MAGNET, name: 'A film' }, shelf)
    expect(takeOver(shelf)).toEqual({ kind: 'magnet', uri: MAGNET, name: 'A film' })
    expect(shelf.kept.size).toBe(0)
    expect(takeOver(shelf)).toBeUndefined()
  })

  it('is a torrent file, byte for byte', () => {
    const shelf = new Memory()
    const file = new TextEncoder().encode('d4:infode')
    handOver({ kind: 'torrent', file, name: 'A film' }, shelf)
    expect(takeOver(shelf)).toEqual({ kind: 'torrent', file, name: 'A film' })
  })

  it('is nothing for the sample or an empty page, and what was left before is gone', () => {
    for (const request of [undefined, { kind: 'sample' } as const]) {
      const shelf = new Memory()
      handOver({ kind: 'magnet', uri: MAGNET, name: undefined }, shelf)
      handOver(request, shelf)
      expect(shelf.kept.size).toBe(0)
    }
  })

  it('is nothing where the shelf is full or switched off', () => {
    const refuse = () => {
      throw new DOMException('no', 'QuotaExceededError')
    }
    const shelf = { getItem: refuse, setItem: refuse, removeItem: refuse }
    handOver({ kind: 'magnet', uri: MAGNET, name: undefined }, shelf)
    expect(takeOver(shelf)).toBeUndefined()
  })

  it.each([
    '',
    'null',
    '[]',
    '7',
    '{"magnet":7}',
    '{"magnet":"javascript:alert(1)"}',
    '{"magnet":"magnet:?dn=x"}',
    '{"torrent":"zz"}',
    '{"torrent":"00"}',
  ])('is nothing when it is no torrent: %s', (text) => {
    expect(takenFrom(text)).toBeUndefined()
  })
})

describe('the page of direct mode (C-09, L-01)', () => {
  it('is everywhere but at an onion service', () => {
    expect(['localhost', '127.0.0.1', 'relay.example.org'].map(offersDirect)).toEqual([true, true, true])
    expect(offersDirect(`${'a'.repeat(55)}d.onion`)).toBe(false)
  })
})
