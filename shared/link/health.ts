import type { BindingKind } from './auth-binding.ts'
import type { WireKind } from './wire.ts'

/** Counts of one wire, or of all that a neighbour has had (L-07). Messages are packets, control included. */
export interface LinkTraffic {
  readonly messagesIn: number
  readonly messagesOut: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** `silent`: it does not answer; others are used as long as there are any. `retiring`: replaced, about to be closed. */
export type WireStatus = 'open' | 'silent' | 'retiring'

export interface WireHealth extends LinkTraffic {
  readonly kind: WireKind
  readonly status: WireStatus
  /** What the proof of the keys was tied to; auth-binding.ts. */
  readonly binding: BindingKind
  /** Whether this side dialled. */
  readonly initiated: boolean
  /** Smoothed round trip; undefined until one was measured. */
  readonly latencyMs: number | undefined
  /** Since anything came. */
  readonly lastSeenMs: number
  readonly ageMs: number
  /** Only where addresses were asked for, and known. */
  readonly address?: string
}

/** `connecting`: no wire yet. `waiting`: lost its last wire, and hopes for another. */
export type NeighbourStatus = 'connecting' | 'open' | 'silent' | 'waiting' | 'closed'

/** Plain data; no key or address unless asked for. */
export interface NeighbourHealth extends LinkTraffic {
  readonly status: NeighbourStatus
  /** Of the wires, best first. */
  readonly kinds: readonly WireKind[]
  readonly latencyMs: number | undefined
  readonly lastSeenMs: number | undefined
  /** Whether it has proved its key on a wire that is there. */
  readonly authenticated: boolean
  /** Whether circuits go over it. */
  readonly inUse: boolean
  readonly wires: readonly WireHealth[]
}

/** A relay that the keeper holds a link with. */
export interface LinkHealth extends NeighbourHealth {
  /** Which link it is since the relay's start, from 1. */
  readonly number: number
  /** L-05: 10, 8, 6, 4, 2. */
  readonly priority: number
  /** SHA-1 of its key in hex; only where addresses were asked for. */
  readonly id?: string
}

export interface KeeperStatus {
  /** With relays: open, and on the way. */
  readonly links: number
  readonly connecting: number
  readonly minLinks: number
  readonly maxLinks: number
  /** Pages are numbers, nothing else. */
  readonly pages: number
  readonly maxPages: number
  /** Whether the month's bytes are used up, so that no new link is taken. */
  readonly sleeping: boolean
  /** Relays, best first. */
  readonly neighbours: readonly LinkHealth[]
}
