import type { CircuitView, Hops, HopView } from '../engine/protocol.ts'

/** A place on the way from the page to the swarm, as the picture draws it. */
export interface Place {
  readonly kind: 'you' | 'hop' | 'swarm'
  readonly title: string
  readonly name: string
  /** A hop's address, or what else is told below the name. */
  readonly address: string | undefined
  readonly state: HopView['state']
  readonly latencyMs: number | undefined
  /** Layers of encryption around the stream on the way from here to the next place; undefined at the end. */
  readonly layersOnward: number | undefined
}

const titles: Readonly<Record<HopView['role'], string>> = { entry: 'Entry', middle: 'Middle', exit: 'Exit' }

/** The whole way, each relay taking one layer off. Without a circuit: the way as it will be. */
export function placesOf(circuit: CircuitView | undefined, hops: Hops): readonly Place[] {
  const relays = circuit?.hops ?? plannedHops(hops)
  const ready = circuit?.state === 'ready'
  return [
    {
      kind: 'you',
      title: 'You',
      name: 'This page',
      address: 'Keys stay here',
      state: 'proven',
      latencyMs: undefined,
      layersOnward: relays.length,
    },
    ...relays.map(
      (hop, index): Place => ({
        kind: 'hop',
        title: relays.length === 1 ? 'The only relay' : titles[hop.role],
        name: hop.name,
        address: hostOf(hop.address),
        state: hop.state,
        latencyMs: hop.latencyMs,
        layersOnward: relays.length - 1 - index,
      }),
    ),
    {
      kind: 'swarm',
      title: 'Swarm',
      name: 'Peers',
      address: undefined,
      state: ready ? 'proven' : 'waiting',
      latencyMs: undefined,
      layersOnward: undefined,
    },
  ]
}

/** A relay's port tells a viewer nothing. Takes `1.2.3.4:5`, `[::1]:5` and bare hosts. */
function hostOf(address: string | undefined): string | undefined {
  if (address === undefined) return 'No public address'
  if (address === '') return undefined
  return /^\[(.+)\](?::\d+)?$/.exec(address)?.[1] ?? /^([^:]+):\d+$/.exec(address)?.[1] ?? address
}

const roles: Readonly<Record<Hops, readonly HopView['role'][]>> = {
  1: ['exit'],
  2: ['entry', 'exit'],
  3: ['entry', 'middle', 'exit'],
}

function plannedHops(hops: Hops): readonly HopView[] {
  return roles[hops].map((role) => ({ role, name: '', address: '', state: 'waiting', latencyMs: undefined }))
}

export const hopStateWords: Readonly<Record<HopView['state'], string>> = {
  waiting: 'Waiting',
  extending: 'Reaching…',
  unproven: 'Answered',
  proven: 'Proven',
  failed: 'No answer',
}
