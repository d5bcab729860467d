import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../bytes/address.ts'
import { signDescriptor } from '../directory/descriptor.ts'
import { Directory } from '../directory/directory.ts'
import { KeyPair } from '../identity/keys.ts'
import { FLAG_RELAY } from '../ipv8/constants.ts'
import { formatLinkAddress, parseLinkAddress } from '../link/link-address.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { Counters } from '../world/counters.ts'
import { EntryAddresses } from './entry-addresses.ts'
import type { EntryRelay } from './entry-links.ts'

const NETWORK = 'test'
const random = new SeededRandom(9)
const clock = new VirtualClock()

interface Told {
  readonly websocket?: string
  readonly webrtc?: string
  readonly udp?: string
}

/** A directory of relays by name, and their keys. */
function directoryOf(relays: Readonly<Record<string, Told>>) {
  const directory = new Directory({ network: NETWORK, clock, counters: new Counters() })
  const keys = new Map<string, KeyPair>()
  for (const [nickname, { websocket, webrtc, udp = '93.184.216.34' }] of Object.entries(relays)) {
    const keyPair = KeyPair.generate(random)
    keys.set(nickname, keyPair)
    const fields = {
      nickname,
      flags: FLAG_RELAY,
      family: new Uint8Array(),
      udp: addressOf(udp, 7_000) as IpAddress,
      websocket,
      webrtc,
      bandwidth: 0,
      published: Math.floor(clock.wall() / 1_000),
      lifetime: 3_600,
    }
    directory.add(signDescriptor(fields, keyPair, NETWORK))
  }
  const entry = (nickname: string, url = ''): EntryRelay => ({
    publicKey: (keys.get(nickname) as KeyPair).publicKey,
    url,
  })
  return { directory, entry }
}

const ALDER = 'wss://alder.example.net/relay'
const SITE = 'wss://site.example/relay'
const site: EntryRelay = { publicKey: KeyPair.generate(random).publicKey, url: SITE }

function addresses(
  directory: Directory | undefined,
  { entries = [site], webrtc = true }: { entries?: readonly EntryRelay[]; webrtc?: boolean } = {},
) {
  const made = new EntryAddresses({ entries, directory: () => directory, webrtc })
  return {
    of: (relay: EntryRelay) => made.of(relay).map(formatLinkAddress),
    isNotAt: (url: string, { publicKey }: EntryRelay) => made.isNotAt(parseLinkAddress(url), publicKey),
    introducerOf: (url: string) => made.introducerOf(parseLinkAddress(url)),
    firstOf: (relay: EntryRelay) => {
      const descriptor = directory?.find(relay.publicKey.mid)?.descriptor
      return descriptor && made.firstOf(descriptor)
    },
  }
}

describe('all ways to an entry (L-01)', () => {
  it('are what was known beforehand and what its descriptor says, each once', () => {
    const { directory, entry } = directoryOf({
      alder: { websocket: ALDER },
      birch: { websocket: 'wss://birch.example.net/relay', webrtc: `webrtc+${ALDER}` },
    })
    const birch = {
      ...entry('birch', 'wss://birch.example.net:443/relay'),
      ways: ['wss://other.example.net/relay'],
    }
    const all = [
      'wss://birch.example.net/relay',
      'wss://other.example.net/relay',
      'webrtc+wss://alder.example.net/relay',
    ]
    expect(new Set(addresses(directory).of(birch))).toEqual(new Set(all))
    expect(addresses(directory, { entries: [birch] }).of(entry('birch', birch.url))).toContain(all[1])
    expect(addresses(undefined).of(site)).toEqual([SITE])
  })

  it('have no WebRTC where there is none, nor by way of a relay that nobody knows, nor of the relay itself', () => {
    const { directory, entry } = directoryOf({
      alder: { websocket: ALDER, webrtc: `webrtc+${ALDER}` },
      birch: { webrtc: `webrtc+${ALDER}` },
      cedar: { webrtc: 'webrtc+wss://nowhere.example/relay' },
    })
    const { of, firstOf } = addresses(directory)
    expect(of(entry('alder', ALDER))).toEqual([ALDER])
    expect(firstOf(entry('birch'))).toBe('webrtc+wss://alder.example.net/relay')
    expect(firstOf(entry('cedar'))).toBeUndefined()
    expect(addresses(directory, { webrtc: false }).firstOf(entry('birch'))).toBeUndefined()
  })

  it('do not lead into the visitor’s own network, not even to be introduced', () => {
    const { directory, entry } = directoryOf({
      alder: { websocket: 'ws://192.168.1.1/relay' },
      birch: { webrtc: 'webrtc+ws://192.168.1.1/relay' },
    })
    expect(addresses(directory).firstOf(entry('alder'))).toBeUndefined()
    expect(addresses(directory).firstOf(entry('birch'))).toBeUndefined()
  })

  it('lead to the site’s onion service alone, where that is what the page came by', () => {
    const onion = `ws://${'a'.repeat(55)}d.onion/relay`
    const { directory, entry } = directoryOf({
      alder: { websocket: ALDER },
      birch: { websocket: 'wss://birch.example.net/relay', webrtc: `webrtc+${ALDER}` },
    })
    const { of, firstOf } = addresses(directory, { entries: [{ ...site, url: onion }] })
    expect(firstOf(entry('alder'))).toBeUndefined()
    expect(firstOf(entry('birch'))).toBeUndefined()
    expect(of({ ...site, url: onion })).toEqual([onion])
  })
})

describe('who introduces a page to others (L-01, L-03)', () => {
  it('is known by its own word, with its name and where it tells us our address', () => {
    const { directory, entry } = directoryOf({ alder: { websocket: 'wss://Alder.example.net:443/relay' } })
    const introducer = addresses(directory).introducerOf('webrtc+wss://alder.example.net/relay')
    expect(introducer).toMatchObject({ name: 'alder', stun: 'stun:93.184.216.34:7000' })
    expect(introducer?.publicKey.equals(entry('alder').publicKey)).toBe(true)
    expect(addresses(directory).introducerOf(ALDER)).toBeUndefined()
  })

  it('is the site’s own relay where that was known beforehand, whatever others say', () => {
    const { directory } = directoryOf({ mallory: { websocket: SITE } })
    const introducer = addresses(directory).introducerOf('webrtc+wss://site.example/relay')
    expect(introducer).toEqual({ publicKey: site.publicKey, name: '', stun: undefined })
  })

  it('is another of those that name the gateway once one was found not to be there', () => {
    const { directory, entry } = directoryOf({
      mallory: { websocket: ALDER },
      alder: { websocket: ALDER },
    })
    const { introducerOf, isNotAt } = addresses(directory)
    expect(introducerOf(`webrtc+${ALDER}`)?.name).toBe('mallory')
    isNotAt(ALDER, entry('mallory'))
    expect(introducerOf(`webrtc+${ALDER}`)?.name).toBe('alder')
    isNotAt('wss://birch.example.net/relay', entry('alder'))
    expect(introducerOf(`webrtc+${ALDER}`)?.name).toBe('alder')
  })

  it('is not asked for our address where that is in the visitor’s own network', () => {
    const { directory } = directoryOf({ alder: { websocket: ALDER, udp: '192.168.1.1' } })
    expect(addresses(directory).introducerOf(`webrtc+${ALDER}`)).toMatchObject({ stun: undefined })
  })

  it('becomes known when its descriptor comes', () => {
    const { directory } = directoryOf({})
    const { introducerOf } = addresses(directory)
    expect(introducerOf(`webrtc+${ALDER}`)).toBeUndefined()
    const { directory: other, entry } = directoryOf({ alder: { websocket: ALDER } })
    const bytes = other.find(entry('alder').publicKey.mid)?.descriptor.bytes as Uint8Array
    directory.add(bytes)
    expect(introducerOf(`webrtc+${ALDER}`)?.name).toBe('alder')
  })
})
