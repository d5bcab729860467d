import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../../shared/bytes/address.ts'
import { encodeBencode } from '../../shared/bytes/bencode.ts'
import { INFO_HASH, ip, LookupNet, settle } from './lookup-world.fixture.ts'
import { isAskable, lookUpByTrackers } from './tracker-lookup.ts'

const TRACKER = ip('203.0.113.2', 6_969)
const never = () => new AbortController().signal
const ALDER = ip('192.0.2.5')
/** 192.0.2.5:7000, as trackers give it. */
const COMPACT = Uint8Array.of(192, 0, 2, 5, 7_000 >> 8, 7_000 & 0xff)

interface Announced {
  readonly event: number
  readonly port: number
  readonly infoHash: Uint8Array
}

/** A tracker as BEP 15 has it, which knows one relay. @param deafTo so many requests are lost on the way to it */
function udpTracker(net: LookupNet, address: IpAddress, deafTo = 0): Announced[] {
  const announced: Announced[] = []
  let heard = 0
  const send = net.host(address, (from, datagram) => {
    if (++heard <= deafTo) return
    const request = new DataView(datagram.buffer, datagram.byteOffset)
    const action = request.getUint32(8)
    const answer = new DataView(new ArrayBuffer(action === 0 ? 16 : 26))
    answer.setUint32(0, action)
    answer.setUint32(4, request.getUint32(12))
    if (action === 1) {
      announced.push({
        event: request.getUint32(80),
        port: request.getUint16(96),
        infoHash: datagram.slice(16, 36),
      })
      answer.setUint32(8, 1_800)
      new Uint8Array(answer.buffer).set(COMPACT, 20)
    }
    send(from, new Uint8Array(answer.buffer))
  })
  return announced
}

describe('looking for relays at trackers, from the exit (D-03, W-03)', () => {
  it('asks over UDP, takes itself back, and asks whom it was told of', async () => {
    const net = new LookupNet()
    net.node(ALDER, { descriptor: 'ALDER' })
    const announced = udpTracker(net, TRACKER)
    const outcome = await settle(
      net.clock,
      lookUpByTrackers(net.world(), ['udp://203.0.113.2:6969/announce'], never()),
    )
    expect(outcome).toEqual({ met: 1, found: 1, answered: true })
    // BEP 15: 2 is started, 3 is stopped. Port 9: nobody is to take the exit for a relay.
    expect(announced).toEqual([
      { event: 2, port: 9, infoHash: INFO_HASH },
      { event: 3, port: 9, infoHash: INFO_HASH },
    ])
    expect(net.open).toBe(0)
  })

  it('knows the answer of a tracker with a name, and asks again what was lost', async () => {
    const net = new LookupNet()
    net.node(ALDER, { descriptor: 'alder' })
    net.names.set('tracker.example.net:6969', TRACKER)
    udpTracker(net, TRACKER, 2)
    const outcome = await settle(
      net.clock,
      lookUpByTrackers(net.world(), ['udp://tracker.example.net:6969'], never()),
    )
    expect(outcome).toEqual({ met: 1, found: 0, answered: true })
  })

  it('asks over HTTP, and takes itself back', async () => {
    const net = new LookupNet()
    net.node(ALDER, { descriptor: 'ALDER' })
    const asked: URL[] = []
    const world = net.world({
      fetch: async (url) => {
        asked.push(new URL(url))
        return new Response(encodeBencode({ interval: 1_800, peers: COMPACT }) as Uint8Array<ArrayBuffer>)
      },
    })
    const outcome = await settle(
      net.clock,
      lookUpByTrackers(world, ['http://tracker.example.net/announce'], never()),
    )
    expect(outcome).toEqual({ met: 1, found: 1, answered: true })
    expect(asked.map(({ searchParams }) => searchParams.get('event'))).toEqual(['started', 'stopped'])
    expect(asked[0]?.searchParams.get('port')).toBe('9')
    expect(asked[0]?.search).toContain('info_hash=%A0%A1%A2')
  })

  it('comes back with what there is when one is silent and another talks nonsense', async () => {
    const net = new LookupNet()
    net.node(ALDER, { descriptor: 'ALDER' })
    udpTracker(net, TRACKER)
    const noise = ip('203.0.113.3', 6_969)
    const send = net.host(noise, (from) => send(from, Uint8Array.of(0, 0, 0, 9)))
    const outcome = await settle(
      net.clock,
      lookUpByTrackers(
        net.world(),
        ['udp://203.0.113.2:6969', 'udp://203.0.113.3:6969', 'udp://203.0.113.4:6969', 'https://a.example/'],
        never(),
      ),
    )
    expect(outcome).toEqual({ met: 1, found: 1, answered: true })
    expect(net.counters.get('tracker-lookup-failed')).toBe(2)
  })

  it('has nothing to say when nobody answers', async () => {
    const net = new LookupNet()
    const outcome = await settle(
      net.clock,
      lookUpByTrackers(net.world(), ['udp://203.0.113.4:6969'], never()),
    )
    expect(outcome).toEqual({ met: 0, found: 0, answered: false })
  })

  it('can ask trackers that need no TLS', () => {
    expect(['udp://a:1', 'http://a/', 'https://a/', 'wss://a/'].map(isAskable)).toEqual([
      true,
      true,
      false,
      false,
    ])
  })
})
