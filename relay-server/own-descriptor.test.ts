import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress, NO_ADDRESS } from '../shared/bytes/address.ts'
import { readDescriptor } from '../shared/directory/descriptor.fixture.ts'
import { KeyPair } from '../shared/identity/keys.ts'
import { SeededRandom } from '../shared/sim/seeded-random.ts'
import { VirtualClock } from '../shared/sim/virtual-clock.ts'
import { isUnspecified, resolveEndpoint } from './endpoints.ts'
import { OwnAddresses } from './own-addresses.ts'
import { exitSummaryOf, OwnDescriptor } from './own-descriptor.ts'

const ip = (host: string, port = 6421) => addressOf(host, port) as IpAddress

describe('what a relay says of itself besides (D-06, K-08, O-06)', () => {
  const exit = { enabled: true, tcp: true, bittorrent: true, ipv8: false }

  it('is its contact, its place, what it lets out and what it has carried', () => {
    const clock = new VirtualClock()
    let bandwidth = 0
    const address = ip('198.51.100.7')
    const own = new OwnDescriptor({
      keyPair: KeyPair.generate(new SeededRandom(1)),
      clock,
      network: 'test',
      nickname: 'willow',
      family: '',
      flags: 9,
      websocket: () => undefined,
      udp: () => [address],
      contact: 'admin@example.org',
      exit: () => exitSummaryOf(exit, [address]),
      geo: ({ host }) => (host === address.host ? { country: 'NL', as: 64_500 } : undefined),
      bandwidth: () => bandwidth,
    })
    const read = () => readDescriptor(own.bytes() as Uint8Array, 'test', clock.wall())
    expect(read()).toMatchObject({ contact: 'admin@example.org', country: 'NL', as: 64_500, bandwidth: 0 })
    expect(read().exit).toEqual({
      tcp: true,
      udp: true,
      ipv8: false,
      ipv4: true,
      ipv6: false,
      refusedTcpPorts: [25, 465, 587, 2525].map((port) => ({ from: port, to: port })),
    })
    // It has carried something: said soon, but not at once, and not for little more.
    bandwidth = 1_000_000
    expect(read().bandwidth).toBe(0)
    clock.advance(600_000)
    expect(read().bandwidth).toBe(1_000_000)
    bandwidth = 1_900_000
    clock.advance(1_200_000)
    expect(read().bandwidth).toBe(1_000_000)
    clock.advance(2_400_000)
    expect(read().bandwidth).toBe(1_900_000)
  })

  it('fits the addresses that it is reached at', () => {
    expect(exitSummaryOf({ ...exit, enabled: false }, [])).toBeUndefined()
    expect(exitSummaryOf(exit, [])).toMatchObject({ ipv4: true, ipv6: false })
    expect(exitSummaryOf(exit, [ip('2001:db8::7')])).toMatchObject({ ipv4: false, ipv6: true })
    expect(exitSummaryOf({ ...exit, tcp: false }, [])?.refusedTcpPorts).toEqual([])
  })
})

describe("a relay's own descriptor (D-04)", () => {
  const clock = new VirtualClock()
  const keyPair = KeyPair.generate(new SeededRandom(1))
  let udp: IpAddress | undefined
  let udp6: IpAddress | undefined
  let websocket: string | undefined = 'wss://relay.example.org/relay'
  const own = new OwnDescriptor({
    keyPair,
    clock,
    network: 'test',
    nickname: 'willow',
    family: 'example.org',
    flags: 9,
    websocket: () => websocket,
    udp: () =>
      udp === undefined ? undefined : udp.port === 0 ? [] : [udp6, udp].filter((each) => each !== undefined),
  })
  const read = () => readDescriptor(own.bytes() as Uint8Array, 'test', clock.wall())

  it('is there once the relay knows how it is reached, and says what it was told', () => {
    expect(own.bytes()).toBeUndefined()
    udp = ip('198.51.100.7')
    const descriptor = read()
    expect(descriptor).toMatchObject({ nickname: 'willow', flags: 9, udp })
    expect(descriptor.websocket).toBe('wss://relay.example.org/relay')
    expect(Buffer.from(descriptor.family).toString()).toBe('example.org')
    expect(descriptor.publicKey.equals(keyPair.publicKey)).toBe(true)
  })

  it('is signed anew each hour, and at once when the address changes', () => {
    const first = own.bytes()
    clock.advance(3_599_000)
    expect(own.bytes()).toBe(first)
    clock.advance(1_000)
    const second = read()
    expect(second.published).toBe(readDescriptor(first as Uint8Array, 'test', clock.wall()).published + 3_600)
    clock.advance(5_000)
    udp = ip('198.51.100.8')
    expect(read().udp).toEqual(udp)
    expect(read().published).toBe(second.published + 5)
  })

  it('names the IPv4 address first and the IPv6 one second, for readers that know one (N-01)', () => {
    udp6 = ip('2001:db8::7')
    const bytes = own.bytes() as Uint8Array
    expect(read().udp).toEqual(udp)
    const text = Buffer.from(bytes).toString('hex')
    const [ipv4, ipv6] = ['01c6336408', '0320010db8000000000000000000000007']
    expect(text.indexOf(ipv4)).toBeGreaterThan(0)
    expect(text.indexOf(ipv6)).toBeGreaterThan(text.indexOf(ipv4))
    udp6 = undefined
  })

  it('is there without UDP, where that stays unknown, once others reach it by other links (L-01)', () => {
    const clock = new VirtualClock()
    let tcp: string | undefined
    let udp: readonly IpAddress[] | undefined
    const own = new OwnDescriptor({
      ...{ keyPair, clock, network: 'test', nickname: 'willow', family: '', flags: 9 },
      websocket: () => undefined,
      links: () => ({ tcp, onion: undefined, webrtc: 'webrtc+wss://other.example.org/relay' }),
      udp: () => udp,
    })
    const read = () => readDescriptor(own.bytes() as Uint8Array, 'test', clock.wall())
    clock.advance(9_000)
    expect(own.bytes()).toBeUndefined()
    clock.advance(1_000)
    const first = read()
    expect(first).toMatchObject({ udp: undefined, webrtc: 'webrtc+wss://other.example.org/relay' })
    // All within one second: each is newer than the one before.
    tcp = 'tcp://relay.example.org:6667'
    expect(read()).toMatchObject({ tcp, published: first.published + 1 })
    udp = [ip('198.51.100.7')]
    expect(read()).toMatchObject({ tcp, udp: udp[0], published: first.published + 2 })
  })

  it('names no UDP address where nobody can reach it, and is not there without a WebSocket either (N-10)', () => {
    const reachable = udp
    udp = ip('0.0.0.0', 0)
    expect(read().udp).toBeUndefined()
    websocket = undefined
    expect(own.bytes()).toBeUndefined()
    websocket = 'wss://relay.example.org/relay'
    udp = reachable
  })

  it('outlives the time until it is signed anew', () => {
    const bytes = own.bytes() as Uint8Array
    expect(() => readDescriptor(bytes, 'test', clock.wall() + 2 * 3_600_000)).not.toThrow()
    expect(() => readDescriptor(bytes, 'test', clock.wall() + 4 * 3_600_000)).toThrow()
  })
})

describe('the descriptor of a relay whose clock is set (D-04)', () => {
  /** A clock whose date someone sets, or goes on while the machine is asleep. */
  class SetClock extends VirtualClock {
    aheadMs = 0

    override wall(): number {
      return super.wall() + this.aheadMs
    }
  }

  function relay() {
    const clock = new SetClock()
    const own = new OwnDescriptor({
      ...{ keyPair: KeyPair.generate(new SeededRandom(1)), clock, network: 'test' },
      ...{ nickname: 'willow', family: '', flags: 9 },
      websocket: () => 'wss://relay.example.org/relay',
      udp: () => [],
    })
    const read = () => readDescriptor(own.bytes() as Uint8Array, 'test', clock.wall())
    return { clock, read }
  }

  it('is signed anew at once when a clock that was far ahead is put right', () => {
    const { clock, read } = relay()
    clock.aheadMs = 86_400_000
    read()
    clock.aheadMs = 0
    expect(read().published).toBe(Math.floor(clock.wall() / 1000))
  })

  it('stays newer than the one before when a clock goes back by as much as others take', () => {
    const { clock, read } = relay()
    clock.aheadMs = 600_000
    const { published } = read()
    clock.aheadMs = 0
    expect(read().published).toBe(published)
    clock.advance(600_000 + 3_600_000)
    expect(read().published).toBe(published + 3_600)
  })

  it('is signed anew after the machine was asleep', () => {
    const { clock, read } = relay()
    const { published } = read()
    clock.aheadMs = 3 * 3_600_000
    expect(read().published).toBe(published + 3 * 3_600)
  })
})

describe('endpoints', () => {
  it('are addresses of an IP version of the socket', async () => {
    expect(await resolveEndpoint('198.51.100.7:6421', ['ipv4'])).toEqual(ip('198.51.100.7'))
    expect(await resolveEndpoint('[2001:db8::7]:6421', ['ipv4', 'ipv6'])).toEqual(ip('2001:db8::7'))
    expect(await resolveEndpoint('[2001:db8::7]:6421', ['ipv4'])).toBeUndefined()
    expect(await resolveEndpoint('198.51.100.7:6421', ['ipv6'])).toBeUndefined()
  })
})

describe('own addresses (N-01)', () => {
  const lans = { ipv4: ip('192.168.1.9'), ipv6: ip('2001:db8::9') }

  it('are those of the machine’s cards, one for each IP version, for a socket bound to all', () => {
    const own = new OwnAddresses({
      bound: ip('::'),
      families: ['ipv4', 'ipv6'],
      publicHost: undefined,
      clock: new VirtualClock(),
      lanAddressesOf: () => lans,
    })
    expect(own.forWalk()).toEqual({ lan: lans.ipv4, lan6: lans.ipv6 })
    expect(own.given('ipv4')).toBeUndefined()
    own.setMapped(ip('203.0.113.7', 40_000))
    expect(own.given('ipv4')).toEqual(ip('203.0.113.7', 40_000))
    expect(own.forWalk()).toEqual({ lan: lans.ipv4, wan: ip('203.0.113.7', 40_000), lan6: lans.ipv6 })
    const isOwn = [lans.ipv4, lans.ipv6, ip('203.0.113.7', 40_000), ip('203.0.113.7'), ip('192.168.1.8')].map(
      (address) => own.isOwn(address),
    )
    expect(isOwn).toEqual([true, true, true, false, false])
  })

  it('are told to others as given, else as neighbours see them; none behind a symmetric NAT (N-10)', () => {
    const own = new OwnAddresses({
      bound: ip('::'),
      families: ['ipv4', 'ipv6'],
      publicHost: undefined,
      clock: new VirtualClock(),
      lanAddressesOf: () => lans,
    })
    const walk = (wan: IpAddress, wan6: IpAddress, relayOnly = false) => ({
      wan,
      wan6,
      status: { relayOnly },
    })
    const [seen, seen6] = [ip('198.51.100.7'), ip('2001:db8::7')]
    expect(own.reachable(walk(NO_ADDRESS, NO_ADDRESS))).toBeUndefined()
    expect(own.reachable(walk(seen, NO_ADDRESS))).toEqual([seen])
    expect(own.reachable(walk(seen6, seen6))).toEqual([seen6])
    expect(own.reachable(walk(seen, seen6))).toEqual([seen6, seen])
    expect(own.reachable(walk(seen, seen6, true))).toEqual([])
    own.setMapped(ip('203.0.113.7'))
    expect(own.reachable(walk(seen, seen6, true))).toEqual([ip('203.0.113.7')])
  })

  it('are what the socket is bound to, or what the operator says', () => {
    const options = { bound: ip('127.0.0.11'), families: ['ipv4'] as const, clock: new VirtualClock() }
    const bound = new OwnAddresses({ ...options, publicHost: undefined })
    expect([bound.lan, bound.lan6, bound.given('ipv4')]).toEqual([
      ip('127.0.0.11'),
      undefined,
      ip('127.0.0.11'),
    ])
    expect(new OwnAddresses({ ...options, publicHost: '203.0.113.7' }).given('ipv4')).toEqual(
      ip('203.0.113.7'),
    )
    expect(
      isUnspecified(new OwnAddresses({ ...options, bound: ip('0.0.0.0'), publicHost: undefined }).lan),
    ).toBe(false)
  })

  it('are read again every minute: the network may come after the relay, go, and be another', () => {
    const clock = new VirtualClock()
    let cards: Partial<typeof lans> = {}
    let reads = 0
    const own = new OwnAddresses({
      bound: ip('::'),
      families: ['ipv4', 'ipv6'],
      publicHost: undefined,
      clock,
      lanAddressesOf: () => {
        reads++
        return cards
      },
    })
    expect(own.forWalk()).toEqual({ lan: ip('::1') })
    cards = lans
    clock.advance(59_999)
    expect([own.lan, reads]).toEqual([ip('::1'), 1])
    clock.advance(1)
    expect(own.forWalk()).toEqual({ lan: lans.ipv4, lan6: lans.ipv6 })
    cards = {}
    clock.advance(60_000)
    expect(own.lan).toEqual(lans.ipv4)
    cards = { ipv4: ip('10.1.2.3') }
    clock.advance(60_000)
    expect([lans.ipv4, ip('10.1.2.3'), lans.ipv6].map((address) => own.isOwn(address))).toEqual([
      false,
      true,
      false,
    ])
  })
})
