import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Town, type TownKeeper } from './keeper.fixture.ts'
import { PRIORITIES } from './keeper-limits.ts'

const HOUR_MS = 3_600_000
const STEP_MS = 5_000
const COUNT = 12

/** Twelve relays that know each other; pairs with a circuit send numbered packets to and fro. */
async function hour(seed: number) {
  const clock = new VirtualClock()
  const town = new Town(clock, seed)
  for (let i = 0; i < COUNT; i++) town.add({ rotateAfterMs: HOUR_MS / 4 })
  for (const a of town.keepers) {
    for (const b of town.keepers) {
      if (a !== b) a.knows(b, PRIORITIES.discovered, ['tcp', 'websocket'])
    }
  }
  for (const { keeper } of town.keepers) keeper.start()
  await clock.advanceAsync(10_000)
  return { clock, town }
}

describe('twelve keepers for an hour, in which wires die at random (L-02, L-05, L-06, L-07)', () => {
  for (const seed of [1, 2]) {
    it(`hold their links, double nothing and count right (seed ${seed})`, async () => {
      const { clock, town } = await hour(seed)
      const { random, keepers } = town
      const messages = new Map<TownKeeper, number>()
      let sent = 0
      let deaths = 0
      let tooFew = 0
      for (let ms = 0; ms < HOUR_MS; ms += STEP_MS) {
        // A wire dies about every 20 seconds, half of them without a word.
        const wires = town.openWires()
        const victim = wires[Math.floor(random.fraction() * 4 * wires.length)]
        if (victim) {
          deaths++
          if (random.fraction() < 0.5) victim.pair.swallow()
          else victim.pair.cut()
        }
        const speaker = keepers[Math.floor(random.fraction() * COUNT)] as TownKeeper
        sent += speaker.keeper.broadcast(Uint8Array.of(sent >>> 8, sent))
        messages.set(speaker, (messages.get(speaker) ?? 0) + 1)
        for (const { links } of keepers) if (links < 3) tooFew++
        await clock.advanceAsync(STEP_MS, 3)
      }
      expect(deaths).toBeGreaterThan(100)
      // Short of the minimum only while a lost link waits to be opened again.
      expect(tooFew / (COUNT * (HOUR_MS / STEP_MS))).toBeLessThan(0.05)

      // Let all that is dead be noticed, and all be quiet.
      await clock.advanceAsync(400_000, 3)
      for (const { keeper, links, received, counters } of keepers) {
        expect(links).toBeGreaterThanOrEqual(3)
        expect(links).toBeLessThanOrEqual(10)
        expect(received).toEqual([])
        expect(counters.get('keeper-message-repeated')).toBe(0)
        for (const neighbour of keeper.relays()) {
          const kinds = neighbour.wires.map(({ kind }) => kind)
          expect(new Set(kinds).size).toBe(kinds.length)
        }
      }
      // Both ends agree on what there is between them.
      for (const a of keepers) {
        for (const b of keepers) {
          const [there, back] = [a.linkTo(b), b.linkTo(a)]
          expect(there === undefined).toBe(back === undefined)
          const kindsOf = (link: typeof there) => link?.wires.map(({ kind }) => kind).sort()
          expect(kindsOf(there)).toEqual(kindsOf(back))
        }
      }
      const heard = keepers.reduce((sum, each) => sum + each.messages.length, 0)
      expect(heard).toBeLessThanOrEqual(sent)
      // What was on its way in a dying wire is lost, nothing else.
      expect(heard).toBeGreaterThan(sent * 0.97)
      for (const each of keepers) {
        const bodies = each.messages.map(({ from, body }) => `${from.publicKey.mid} ${body}`)
        expect(new Set(bodies).size).toBe(bodies.length)
      }
    }, 120_000)
  }
})
