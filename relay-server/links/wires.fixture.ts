import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { IpAddress } from '../../shared/bytes/address.ts'
import { KeyPair, type PublicKey } from '../../shared/identity/keys.ts'
import type { Link, LinkCloseReason } from '../../shared/link/link.ts'
import type { LinkWire } from '../../shared/link/link-suite.fixture.ts'
import type { MessagePipe, QueuedLink } from '../../shared/link/queued-link.ts'
import type { Wire } from '../../shared/link/wire.ts'
import { Counters } from '../../shared/world/counters.ts'
import type { NameServer } from '../exit/resolver.ts'
import { createLog } from '../log.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { reachRule } from '../relay-reach.ts'
import { Certificates } from './certificates.ts'
import { Destinations } from './destinations.ts'

/** Two relays of one machine, for tests of what runs between them. */

export const HOST = '127.0.0.1'
export const clock = new NodeClock()
export const random = new NodeRandom()

const folders: string[] = []

afterAll(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true }))))

/** A folder of its own, gone after the tests. */
export function stateFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'culvert-links-'))
  folders.push(folder)
  return folder
}

export function testCertificates(state = stateFolder()): Promise<Certificates> {
  return Certificates.load({ state, clock, log: createLog('error', () => {}) })
}

/** Lets real bytes travel, turn by turn of the event loop. */
export async function until(predicate: () => boolean): Promise<void> {
  for (let turn = 0; !predicate(); turn++) {
    if (turn > 5_000_000) throw new Error('never came to be')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** One relay: its key, and all that it sees of its wires. */
export class TestEnd {
  readonly keyPair = KeyPair.generate(random)
  readonly counters = new Counters()
  readonly wires: Wire[] = []
  readonly received: Uint8Array[] = []
  readonly closed: LinkCloseReason[] = []

  get identity() {
    return { keyPair: this.keyPair, network: 'test', clock, random, counters: this.counters }
  }

  get publicKey(): PublicKey {
    return this.keyPair.publicKey
  }

  readonly onWire = (wire: Wire): void => {
    this.wires.push(wire)
    wire.handTo({
      onPacket: (_link: Link, packet: Uint8Array) => void this.received.push(packet),
      onClosed: (_link: Link, reason: LinkCloseReason) => void this.closed.push(reason),
    })
  }

  get link(): Link {
    const [wire] = this.wires
    if (!wire) throw new Error('there is no wire yet')
    return wire.link
  }

  /** What is below the link. */
  get pipe(): MessagePipe {
    return (this.link as unknown as { options: { pipe: MessagePipe } }).options.pipe
  }

  /** Of this machine, or of everywhere but this machine and its network. */
  destinations(of: { lab: boolean; nameServer?: NameServer } = { lab: true }): Destinations {
    const { nameServer } = of
    return new Destinations({
      clock,
      counters: this.counters,
      mayReach: mayReach(of.lab),
      ...(nameServer && { nameServer }),
    })
  }
}

export function mayReach(lab: boolean): (address: IpAddress) => boolean {
  return reachRule({ lab })
}

/** For the link suite: all that follows from the two ends. */
export function linkWireOf(left: TestEnd, right: TestEnd): Omit<LinkWire, 'injectToRight' | 'stop'> {
  return {
    left: left.link,
    get right() {
      return right.link
    },
    leftReceived: left.received,
    rightReceived: right.received,
    leftClosed: left.closed,
    rightClosed: right.closed,
    leftCounters: left.counters,
    rightCounters: right.counters,
    until,
    leftWaiting: () => (left.link as QueuedLink).queued.bytes + left.pipe.bufferedBytes(),
  }
}
