import { describe, expect, it } from 'vitest'
import { holdAlone } from './sole-tab.ts'

type Held = (lock: Lock | null) => Promise<void> | undefined

/** What browsers have, for one name. */
function locksOfOneOrigin() {
  let isHeld = false
  const request = async (name: string, _options: object, held: Held) => {
    const lock = isHeld ? null : ({ name, mode: 'exclusive' } as const)
    const end = held(lock)
    if (lock === null || end === undefined) return
    isHeld = true
    await end
    isHeld = false
  }
  return { request } as unknown as LockManager
}

const turns = async () => {
  for (let i = 0; i < 5; i++) await Promise.resolve()
}

describe('what one tab alone may do (issue: volunteers)', () => {
  it('is done by one, and by the next when that one has let go', async () => {
    const locks = locksOfOneOrigin()
    const said: string[] = []
    const tab = (who: string) =>
      holdAlone(
        'name',
        { taken: () => said.push(`${who} has it`), refused: () => said.push(`${who} has not`) },
        locks,
      )
    const letGo = tab('a')
    tab('b')
    expect(said).toEqual(['a has it', 'b has not'])
    letGo()
    await turns()
    tab('c')
    expect(said.at(-1)).toBe('c has it')
  })

  it('is done by each where the browser cannot tell', () => {
    const said: string[] = []
    holdAlone('name', { taken: () => said.push('taken'), refused: () => said.push('refused') }, undefined)
    expect(said).toEqual(['taken'])
  })

  it('is not begun by a tab that has let go before it was asked', async () => {
    const said: string[] = []
    let asked: Held | undefined
    const locks = {
      request: async (_name: string, _options: object, held: Held) => {
        asked = held
      },
    } as unknown as LockManager
    const told = { taken: () => said.push('taken'), refused: () => said.push('refused') }
    holdAlone('name', told, locks)()
    expect(asked?.({ name: 'name', mode: 'exclusive' })).toBeUndefined()
    expect(said).toEqual([])
  })
})
