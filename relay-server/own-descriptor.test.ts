import { describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../shared/bytes/address.ts'
import { readDescriptor } from '../shared/directory/descriptor.ts'
import { KeyPair } from '../shared/identity/keys.ts'
import { SeededRandom } from '../shared/sim/seeded-random.ts'
import { VirtualClock } from '../shared/sim/virtual-clock.ts'
import { isUnspecified, lanAddress, resolveEndpoint } from './endpoints.ts'
import { OwnDescriptor } from './own-descriptor.ts'

const ip = (host: string, port = 6421) => addressOf(host, port) as IpAddress

describe("a relay's own descriptor (D-04)", () => {
  const clock = new VirtualClock()
  const keyPair = KeyPair.generate(new SeededRandom(1))
  let udp: IpAddress | undefined
  const own = new OwnDescriptor({
    keyPair,
    clock,
    network: 'test',
    nickname: 'willow',
    family: 'example.org',
    flags: 9,
    websocket: () => 'wss://relay.example.org/relay',
    udp: () => udp,
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

  it('outlives the time until it is signed anew', () => {
    const bytes = own.bytes() as Uint8Array
    expect(() => readDescriptor(bytes, 'test', clock.wall() + 2 * 3_600_000)).not.toThrow()
    expect(() => readDescriptor(bytes, 'test', clock.wall() + 4 * 3_600_000)).toThrow()
  })
})

describe('endpoints', () => {
  it('are addresses of the family of the socket', async () => {
    expect(await resolveEndpoint('198.51.100.7:6421', 'ipv4')).toEqual(ip('198.51.100.7'))
    expect(await resolveEndpoint('[2001:db8::7]:6421', 'ipv6')).toEqual(ip('2001:db8::7'))
    expect(await resolveEndpoint('[2001:db8::7]:6421', 'ipv4')).toBeUndefined()
    expect(await resolveEndpoint('198.51.100.7:6421', 'ipv6')).toBeUndefined()
  })

  it('have a LAN address that is not the unspecified one', () => {
    expect(lanAddress(ip('127.0.0.11'))).toEqual(ip('127.0.0.11'))
    expect(isUnspecified(lanAddress(ip('0.0.0.0')))).toBe(false)
    expect(lanAddress(ip('0.0.0.0')).port).toBe(6421)
  })
})
