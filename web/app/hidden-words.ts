import type { HiddenView } from '../engine/protocol.ts'
import { plural } from './formats.ts'

/** How the hidden swarm stands, for people. */
export function hiddenWords({ state, introductionPoints, peers }: HiddenView): string {
  switch (state) {
    case 'off':
      return 'Off. When on, others can fetch this from this page through relays that meet in the middle: no exit, and neither side learns the other’s address. It ends with this tab.'
    case 'looking':
      return 'Looking for people who share this through relays alone, without an exit.'
    case 'linked':
      return `Fetching from ${plural(peers, 'hidden peer')}, through relays alone. No exit carries it.`
    case 'preparing':
      return 'Asking relays to introduce this page to people who look for it.'
    case 'seeding':
      return `${plural(introductionPoints, 'relay')} can introduce this page without knowing where it is; ${
        peers === 0 ? 'nobody is linked yet' : `${plural(peers, 'peer')} linked`
      }.`
  }
}
