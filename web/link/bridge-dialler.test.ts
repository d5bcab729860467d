import { describe, expect, it } from 'vitest'
import { toHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { CallOff } from '../../shared/client/wire-race.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import { bridgeTerms } from '../../shared/link/bridge-terms.ts'
import { channelEndCode } from '../../shared/link/channel-end.ts'
import { isControl, parseControl } from '../../shared/link/control.ts'
import { parseLinkAddress } from '../../shared/link/link-address.ts'
import { ANSWER, OFFER } from '../../shared/link/session-description.fixture.ts'
import type { Wire } from '../../shared/link/wire.ts'
import { WireSession } from '../../shared/link/wire-session.ts'
import { CANDIDATE, PlayedChannel, world } from './bridge.fixture.ts'
import type { AskBridge } from './bridge-ask.ts'
import { BridgeDialler, type BridgeProgress } from './bridge-dialler.ts'

const NETWORK = 'test'
const ENTRY = parseLinkAddress('ws://alder.example/relay')

interface TownOptions {
  readonly agreed?: boolean
  readonly ask?: (offer: string, publicKey: string) => Promise<{ sdp: string; publicKey: string }>
  /** Who answers at the far end in place of the relay. */
  readonly impostor?: boolean
}

/** A page whose WebSockets do not open, a volunteer played by hand, and the relay behind it. */
function town({ agreed = true, ask, impostor = false }: TownOptions = {}) {
  const { clock, counters, random } = world()
  const alder = KeyPair.generate(random)
  const other = KeyPair.generate(random)
  const publicKey = alder.publicKey
  const consent = { agreed }
  const asked: string[] = []
  const progress: BridgeProgress[] = []
  const channels: PlayedChannel[] = []
  const atRelay: { wire?: Wire; packets: Uint8Array[] } = { packets: [] }
  const key = toHex(publicKey.bytes)
  const answer: AskBridge = (offer) => ask?.(offer, key) ?? Promise.resolve({ sdp: ANSWER, publicKey: key })
  const dialler = new BridgeDialler({
    clock,
    counters,
    random,
    network: NETWORK,
    keyFor: () => KeyPair.generate(random),
    openPort: (request) => {
      const channel = new PlayedChannel(request)
      channels.push(channel)
      return channel.port
    },
    entry: { address: ENTRY, publicKey },
    agreed: () => consent.agreed,
    ask: (offer) => {
      asked.push(offer)
      return answer(offer)
    },
    stun: () => undefined,
    allowPrivate: true,
    onProgress: (each) => progress.push(each),
  })
  const off = new CallOff()
  const outcome: { wire?: Wire; code?: string } = {}
  const dial = () => {
    dialler.dial({ address: ENTRY, publicKey }, off).then(
      (wire) => {
        outcome.wire = wire
      },
      (error: CulvertError) => {
        outcome.code = error.code
      },
    )
  }
  /** The browser finds an offer and a candidate, and time goes on until it has been brought to the volunteer. */
  const offer = async () => {
    await clock.advanceAsync(2_000)
    channels[0]?.report({ type: 'description', sdp: OFFER })
    channels[0]?.report({ type: 'candidate', candidate: CANDIDATE })
    await clock.advanceAsync(600)
  }
  /** The volunteer's channel opens, and it passes on whole messages between the page and a relay. */
  const passOn = async () => {
    const channel = channels[0] as PlayedChannel
    const session = new WireSession({
      clock,
      counters,
      random,
      network: NETWORK,
      keyPair: impostor ? other : alder,
      kind: 'websocket',
      peer: ENTRY.at,
      pipe: {
        send: (message) => void clock.after(1, () => channel.message(message)),
        bufferedBytes: () => 0,
        close: () => void clock.after(1, () => channel.report({ type: 'closed' })),
      },
      role: {},
      onWire: (wire) => {
        atRelay.wire = wire
        wire.handTo({ onPacket: (_, packet) => atRelay.packets.push(packet), onClosed: () => {} })
      },
      onFailed: () => {},
    })
    const before = channel.sent.length
    let seen = before
    const carry = () => {
      for (const message of channel.sent.slice(seen)) {
        seen++
        if (channelEndCode(message) === undefined) session.receive(message.slice())
      }
      clock.after(1, carry)
    }
    carry()
    channel.report({ type: 'open' })
    channel.message(bridgeTerms(64_000))
    await clock.advanceAsync(50)
    return channel
  }
  return {
    clock,
    dialler,
    dial,
    offer,
    passOn,
    off,
    outcome,
    consent,
    asked,
    progress,
    channels,
    atRelay,
    publicKey,
  }
}

describe('a page that is passed on by another (issue: volunteers)', () => {
  it('asks nobody and makes no offer before its visitor has agreed', async () => {
    const { dialler, dial, clock, asked, channels, consent, outcome } = town({ agreed: false })
    expect(dialler.canDial(ENTRY)).toBe(false)
    dial()
    await clock.advanceAsync(60_000)
    expect(outcome.code).toBe('link-unreachable')
    consent.agreed = true
    expect(dialler.canDial(ENTRY)).toBe(true)
    expect(dialler.canDial(parseLinkAddress('ws://birch.example/relay'))).toBe(false)
    // Taken back while the other ways are being tried.
    dial()
    consent.agreed = false
    await clock.advanceAsync(60_000)
    expect(outcome.code).toBe('link-aborted')
    expect(asked).toEqual([])
    expect(channels).toEqual([])
  })

  it('lets go of who was asked already when its visitor takes the yes back', async () => {
    const { dialler, dial, clock, outcome, asked, channels, consent } = town()
    dial()
    await clock.advanceAsync(2_000)
    consent.agreed = false
    dialler.callOff()
    channels[0]?.report({ type: 'description', sdp: OFFER })
    await clock.advanceAsync(60_000)
    expect([outcome.code, asked, channels[0]?.closed]).toEqual(['link-aborted', [], true])
    // Or while the volunteer answers.
    const again = town()
    again.dial()
    await again.offer()
    again.dialler.callOff()
    await again.clock.advanceAsync(0)
    expect([again.outcome.code, again.channels[0]?.closed]).toEqual(['link-aborted', true])
  })

  it('lets its other ways try first, and troubles nobody when one of them opens', async () => {
    const { dial, clock, off, outcome, asked, channels } = town()
    dial()
    await clock.advanceAsync(1_900)
    off.abort()
    await clock.advanceAsync(60_000)
    expect(outcome.code).toBe('link-aborted')
    expect(asked).toEqual([])
    expect(channels).toEqual([])
  })

  it('opens a wire to its relay, which proves its key through the volunteer', async () => {
    const { dial, offer, passOn, outcome, asked, progress, atRelay, publicKey, clock } = town()
    dial()
    await offer()
    expect(asked).toHaveLength(1)
    expect(asked[0]).toContain(`a=${CANDIDATE}`)
    const channel = await passOn()
    expect(channel.request.initiator).toBe(true)
    expect(channel.commands).toContainEqual({ type: 'description', sdp: ANSWER })
    const { wire } = outcome
    expect(wire?.kind).toBe('bridge')
    expect(wire?.neighbour.equals(publicKey)).toBe(true)
    expect(progress).toEqual(['asking', 'connecting', 'linked'])
    // What the volunteer passes on is asked of the relay too, at once and when it changes.
    const paces = () =>
      atRelay.packets
        .filter(isControl)
        .map((packet) => parseControl(packet))
        .flatMap((control) => (control.type === 'pace' ? control.bytesPerSecond : []))
    expect(paces()).toEqual([64_000])
    channel.message(bridgeTerms(9_000))
    await clock.advanceAsync(50)
    expect(paces()).toEqual([64_000, 9_000])
  })

  it('sees a volunteer that answers in the relay’s place', async () => {
    const { dial, offer, passOn, outcome, progress } = town({ impostor: true })
    dial()
    await offer()
    await passOn()
    expect(outcome.wire).toBeUndefined()
    expect(outcome.code).toMatch(/^auth-/)
    expect(progress.at(-1)).toBe('failed')
  })

  it.each([
    ['bridge-nobody', 'nobody'],
    ['bridge-limit', 'busy'],
    ['bridge-failed', 'failed'],
  ])('says what the site says: %s', async (code, expected) => {
    const { dial, offer, outcome, progress, channels } = town({
      ask: () => Promise.reject(new CulvertError(code, 'no')),
    })
    dial()
    await offer()
    expect(outcome.code).toBe(code)
    expect(progress.at(-1)).toBe(expected)
    expect(channels[0]?.closed).toBe(true)
  })

  it.each([
    ['nothing', '', /^sdp-/],
    ['garbage', 'garbage', /^sdp-/],
    ['no data channel', ANSWER.replace('m=application', 'm=audio'), /^sdp-/],
    ['one of another relay', undefined, /^bridge-failed$/],
  ])('takes no answer that is none: %s', async (_name, sdp, code) => {
    const { dial, offer, outcome, channels } = town({
      ask: async (_offer, key) =>
        sdp === undefined ? { sdp: ANSWER, publicKey: `${key.slice(0, -2)}zz` } : { sdp, publicKey: key },
    })
    dial()
    await offer()
    expect(outcome.code).toMatch(code)
    expect(channels[0]?.commands).not.toContainEqual(expect.objectContaining({ type: 'description' }))
  })

  it('asks again and again, and never more often than the site takes', async () => {
    const { dial, clock, asked, channels, outcome } = town({
      ask: () => Promise.reject(new CulvertError('bridge-nobody', 'no')),
    })
    let described = 0
    dial()
    for (let tick = 0; tick < 600; tick++) {
      await clock.advanceAsync(100)
      for (const channel of channels.slice(described)) channel.report({ type: 'description', sdp: OFFER })
      described = channels.length
      if (outcome.code === undefined) continue
      delete outcome.code
      dial()
    }
    expect(asked.length).toBeGreaterThan(3)
    expect(asked.length).toBeLessThanOrEqual(5)
  })

  it('gives up when no channel opens in time', async () => {
    const { dial, offer, clock, outcome, channels } = town()
    dial()
    await offer()
    await clock.advanceAsync(30_000)
    expect(outcome.code).toBe('link-unreachable')
    expect(channels[0]?.closed).toBe(true)
  })

  it('learns that the volunteer is gone', async () => {
    const { dial, offer, passOn, outcome, clock } = town()
    dial()
    await offer()
    const channel = await passOn()
    let reason: string | undefined
    outcome.wire?.handTo({
      onPacket: () => {},
      onClosed: (_, why) => {
        reason = why
      },
    })
    channel.report({ type: 'closed' })
    await clock.advanceAsync(10)
    expect(reason).toBe('lost')
  })
})
