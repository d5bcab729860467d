import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import type { DirectoryEntry } from '../../shared/directory/directory.ts'
import { KeyPair, type PublicKey } from '../../shared/identity/keys.ts'
import type { Dialler, Wire } from '../../shared/link/wire.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { PROOF_DIALS, PROOF_LOOK_MS, PROOF_REST_MS, PROOF_TIMEOUT_MS } from './constants.ts'
import { LinkProofs } from './link-proofs.ts'

const random = new SeededRandom(8)
const UDP = addressOf('198.51.100.7', 6421) as IpAddress

interface Relay {
  readonly publicKey: PublicKey
  proven: boolean
  readonly udp?: IpAddress
  readonly tcp?: string
  readonly websocket?: string
}

const relay = (more: Partial<Relay> = {}): Relay => ({
  publicKey: KeyPair.generate(random).publicKey,
  proven: false,
  tcp: 'tcp://198.51.100.7:6667',
  ...more,
})

function world(relays: Relay[], more: { udpWorks?: boolean; wires?: readonly Wire[] } = {}) {
  const clock = new VirtualClock()
  const dials: {
    readonly kind: string
    readonly answer: () => void
    readonly fail: () => void
    readonly aborted: () => boolean
  }[] = []
  const opened: Wire[] = []
  const dialler: Dialler = {
    kind: 'tcp',
    canDial: ({ kind }) => kind === 'tcp' || kind === 'websocket',
    dial: ({ address, publicKey }, signal) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(new Error('aborted')))
        dials.push({
          kind: address.kind,
          answer: () => resolve({ neighbour: publicKey } as Wire),
          fail: () => reject(new Error('refused')),
          aborted: () => signal?.aborted === true,
        })
      }),
  }
  const proofs = new LinkProofs({
    clock,
    diallers: [dialler],
    directory: {
      list: () =>
        relays.map((each) => ({ descriptor: each, proven: each.proven }) as unknown as DirectoryEntry),
      markProven: (mid) => {
        for (const each of relays) if (each.publicKey.mid === mid) each.proven = true
      },
    },
    udpWorks: () => more.udpWorks ?? true,
    wiresTo: () => more.wires ?? [],
    onWire: (wire) => opened.push(wire),
  })
  proofs.start()
  return { clock, dials, opened, proofs }
}

describe('relays that prove themselves by a link (D-06, L-03)', () => {
  it('are those that UDP does not reach: dialled, and proven when they answer', async () => {
    const relays = [relay(), relay({ udp: UDP }), relay({ proven: true })]
    const { clock, dials, opened, proofs } = world(relays)
    await clock.advanceAsync(PROOF_LOOK_MS + 1)
    expect(dials.length).toBe(1)
    dials[0]?.answer()
    await clock.advanceAsync(10)
    expect(relays.map(({ proven }) => proven)).toEqual([true, false, true])
    expect(opened.length).toBe(1)
    proofs.stop()
    expect(clock.idle).toBe(true)
  })

  it('are all, where UDP brings nothing', async () => {
    const { clock, dials, proofs } = world([relay({ udp: UDP })], { udpWorks: false })
    await clock.advanceAsync(PROOF_LOOK_MS + 1)
    expect(dials.length).toBe(1)
    proofs.stop()
  })

  it('need no dialling where a link that was dialled is there', async () => {
    const relays = [relay()]
    const wires = [{ address: { kind: 'tcp', at: UDP } } as Wire]
    const { clock, dials, proofs } = world(relays, { wires })
    await clock.advanceAsync(PROOF_LOOK_MS + 1)
    expect([relays[0]?.proven, dials.length]).toEqual([true, 0])
    proofs.stop()
  })

  it('prove nothing by a link that they dialled themselves', async () => {
    const relays = [relay()]
    const { clock, dials, proofs } = world(relays, { wires: [{ address: undefined } as Wire] })
    await clock.advanceAsync(PROOF_LOOK_MS + 1)
    expect([relays[0]?.proven, dials.length]).toEqual([false, 1])
    proofs.stop()
  })

  it('are dialled a few at a time, given up in time, and not again for a while', async () => {
    const { clock, dials, proofs } = world([relay(), relay(), relay()])
    await clock.advanceAsync(PROOF_LOOK_MS + 1)
    expect(dials.length).toBe(PROOF_DIALS)
    for (const dial of dials) dial.fail()
    await clock.advanceAsync(PROOF_LOOK_MS)
    expect(dials.length).toBe(3)
    await clock.advanceAsync(PROOF_TIMEOUT_MS + PROOF_LOOK_MS)
    expect(dials[2]?.aborted()).toBe(true)
    expect(dials.length).toBe(3)
    await clock.advanceAsync(PROOF_REST_MS)
    expect(dials.length).toBeGreaterThan(3)
    proofs.stop()
  })

  it('are dialled at another of their addresses each time', async () => {
    const { clock, dials, proofs } = world([relay({ websocket: 'wss://198.51.100.7/relay' })])
    await clock.advanceAsync(PROOF_LOOK_MS + 1)
    for (let i = 0; i < 3; i++) {
      dials[i]?.fail()
      await clock.advanceAsync(PROOF_REST_MS + PROOF_LOOK_MS)
    }
    const [first, second] = dials.map(({ kind }) => kind)
    expect(new Set([first, second])).toEqual(new Set(['tcp', 'websocket']))
    expect(dials.map(({ kind }) => kind)).toEqual([first, second, first, second])
    proofs.stop()
  })
})
