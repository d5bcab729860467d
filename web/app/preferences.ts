import type { Hops } from '../engine/protocol.ts'

const key = 'culvert.hops'
const standard: Hops = 3

/** The number of hops that the visitor chose last; 3 by default (requirement C-03). */
export function preferredHops(storage: Pick<Storage, 'getItem'> = localStorage): Hops {
  try {
    const stored = Number(storage.getItem(key))
    return stored === 1 || stored === 2 || stored === 3 ? stored : standard
  } catch (error) {
    if (error instanceof DOMException) return standard
    throw error
  }
}

export function preferHops(hops: Hops, storage: Pick<Storage, 'setItem'> = localStorage): void {
  try {
    storage.setItem(key, String(hops))
  } catch (error) {
    // Storage may be switched off or full; the choice then lasts as long as the page.
    if (!(error instanceof DOMException)) throw error
  }
}
