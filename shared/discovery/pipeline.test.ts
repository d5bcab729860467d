import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import type { RelayDescriptor } from '../directory/descriptor.ts'
import { Directory } from '../directory/directory.ts'
import { addressOfRelay, descriptorOf, keyOf, NETWORK, NOW_MS } from '../directory/relays.fixture.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { CandidatePipeline, type CandidatePipelineOptions } from './pipeline.ts'
import type { CandidateOutcome } from './source.ts'

/** A world in which relay `n` is at `addressOfRelay(n)`; what each step was asked is noted. */
function stage(options: Partial<CandidatePipelineOptions> = {}) {
  const directory = new Directory({
    network: NETWORK,
    clock: new VirtualClock(NOW_MS),
    counters: new Counters(),
  })
  const steps: string[] = []
  const news: RelayDescriptor[] = []
  const pipeline = new CandidatePipeline({
    directory,
    mayReach: () => true,
    isOwn: () => false,
    askDescriptor: (_, done) => {
      steps.push('descriptor')
      done(descriptorOf(1))
      return { cancel: () => steps.push('cancel') }
    },
    fetch: (_, done) => {
      steps.push('fetch')
      done(false)
    },
    verify: (_, __, done) => {
      steps.push('verify')
      done(true)
    },
    onNew: (relay) => news.push(relay),
    ...options,
  })
  const outcomes: CandidateOutcome[] = []
  const handle = (address: IpAddress, descriptor?: Uint8Array) =>
    pipeline.handle({ address, ...(descriptor ? { descriptor } : {}) }, (outcome) => outcomes.push(outcome))
  return { directory, steps, news, outcomes, handle }
}

const FIRST = addressOfRelay(1)

describe('from a candidate to a relay (D-04, D-06)', () => {
  it('asks for a descriptor, then for a proof; once a relay is known, for the proof alone', () => {
    const { steps, outcomes, news, handle } = stage()
    handle(FIRST)
    handle(FIRST)
    expect(steps).toEqual(['descriptor', 'verify', 'verify'])
    expect(outcomes).toEqual(['new', 'proven'])
    expect(news).toHaveLength(1)
  })

  it('asks nothing where the source had the descriptor', () => {
    const { steps, outcomes, handle } = stage()
    handle(FIRST, descriptorOf(1))
    expect(steps).toEqual(['verify'])
    expect(outcomes).toEqual(['new'])
  })

  it('asks the directory’s way where the DHT’s gave nothing, or another relay’s descriptor', () => {
    const { directory, steps, outcomes, handle } = stage({
      askDescriptor: (_, done) => {
        done(descriptorOf(2))
        return { cancel: () => undefined }
      },
    })
    handle(FIRST)
    expect(steps).toEqual(['fetch'])
    expect(outcomes).toEqual(['silent'])
    // What it gave is signed, and so known; nothing is proved by it.
    expect(directory.list().map(({ proven }) => proven)).toEqual([false])
  })

  it('tells who answers and is no relay of this network from who is silent', () => {
    const { outcomes, handle } = stage({
      askDescriptor: (_, done) => {
        done(descriptorOf(1, {}, 'another network'))
        return { cancel: () => undefined }
      },
      fetch: (_, done) => done(true),
    })
    handle(FIRST)
    expect(outcomes).toEqual(['refused'])
  })

  it('counts no relay that does not prove itself, or cannot be asked now', () => {
    const answers = [false, undefined]
    const { outcomes, news, handle } = stage({ verify: (_, __, done) => done(answers.shift()) })
    handle(FIRST)
    handle(FIRST)
    expect(outcomes).toEqual(['unproven', 'unproven'])
    expect(news).toEqual([])
  })

  it('finds the relay of an address that others claim as well, and asks who is there if it must', () => {
    const asked: string[] = []
    const { directory, steps, outcomes, news, handle } = stage({
      verify: (_, { nickname }, done) => {
        asked.push(nickname)
        if (nickname === 'relay 1') done(true)
        else done(false, keyOf(1).publicKey)
      },
    })
    for (const liar of [8, 9]) directory.add(descriptorOf(liar, { udp: FIRST }))
    handle(FIRST)
    handle(FIRST)
    expect(asked).toEqual(['relay 8', 'relay 1', 'relay 8', 'relay 1'])
    expect(steps).toEqual(['descriptor'])
    expect(outcomes).toEqual(['new', 'proven'])
    expect(news.map(({ nickname }) => nickname)).toEqual(['relay 1'])
  })

  it('asks nothing more where nobody proves anything, and nobody twice', () => {
    const silent = stage({ verify: (_, __, done) => done(false) })
    silent.directory.add(descriptorOf(8, { udp: FIRST }))
    silent.handle(FIRST)
    expect([silent.steps, silent.outcomes]).toEqual([[], ['unproven']])
    const nobody = stage({ verify: (_, __, done) => done(false, keyOf(5).publicKey) })
    nobody.handle(FIRST)
    expect([nobody.steps, nobody.outcomes]).toEqual([['descriptor'], ['unproven']])
  })

  it('sends nothing to private networks, nor to ourselves', () => {
    for (const options of [{ mayReach: () => false }, { isOwn: () => true }]) {
      const { steps, outcomes, handle } = stage(options)
      handle(FIRST)
      expect(steps).toEqual([])
      expect(outcomes).toEqual(['refused'])
    }
  })

  it('checks out of reach nobody but who has signed that he is there, and asks nobody there', () => {
    const { directory, steps, outcomes, handle } = stage({
      mayReach: () => false,
      mayCheck: () => true,
      verify: (_, __, done) => {
        steps.push('verify')
        done(false, keyOf(5).publicKey)
      },
    })
    handle(FIRST)
    expect([steps, outcomes]).toEqual([[], ['refused']])
    directory.add(descriptorOf(8, { udp: FIRST }))
    handle(FIRST)
    expect([steps, outcomes]).toEqual([['verify'], ['refused', 'unproven']])
  })

  it('says nothing more after a cancel', () => {
    const late: (() => void)[] = []
    const { outcomes, handle, steps } = stage({
      askDescriptor: (_, done) => {
        late.push(() => done(descriptorOf(1)))
        return { cancel: () => steps.push('cancel') }
      },
    })
    handle(FIRST).cancel()
    for (const each of late) each()
    expect(steps).toEqual(['cancel'])
    expect(outcomes).toEqual([])
  })
})
