import { describe, expect, it } from 'vitest'
import { addressOf } from '../../shared/bytes/address.ts'
import { Counters } from '../../shared/world/counters.ts'
import { destinationJudge, peerBlocklist } from '../engine/destinations.ts'
import { FakeTunnel, turn } from './fake-tunnel.fixture.ts'
import { guardTunnel } from './guard.ts'

const quiet = { opened: () => {}, data: () => {}, drained: () => {}, ended: () => {} }

describe('destinations that a page does not ask for (W-03, O-06)', () => {
  it('refuses private ones before anything is sent, and counts them', async () => {
    const tunnel = new FakeTunnel()
    const counters = new Counters()
    const guarded = guardTunnel(tunnel, destinationJudge(false), counters)
    const reasons: unknown[] = []
    const closed = (reason: unknown) => void reasons.push(reason)
    for (const host of [
      '127.0.0.1',
      '10.1.1.1',
      '169.254.169.254',
      '::ffff:10.0.0.1',
      '2130706433',
      'localhost',
    ]) {
      const stream = guarded.connect(addressOf(host, 80), { ...quiet, closed })
      stream.write(new Uint8Array(1))
      stream.end()
      stream.pause()
      stream.resume()
      stream.destroy()
    }
    await turn()
    expect(reasons).toEqual(Array(6).fill('destination-refused'))
    expect(tunnel.streams).toHaveLength(0)
    const datagrams = guarded.datagrams(() => {})
    datagrams.send(addressOf('192.168.1.1', 6969), new Uint8Array(1))
    datagrams.send(addressOf('1.1.1.1', 6969), new Uint8Array(1))
    datagrams.close()
    expect(tunnel.sockets[0]!.sent.map(({ to }) => to)).toEqual(['1.1.1.1:6969'])
    expect(tunnel.sockets[0]!.closed).toBe(true)
    expect(counters.snapshot()).toEqual({ 'tunnel-datagram-refused': 1, 'tunnel-stream-refused': 6 })
    guarded.connect(addressOf('tracker.example', 80), { ...quiet, closed })
    expect(tunnel.streams).toHaveLength(0)
    guarded.connect(addressOf('tracker.culvert.net', 80), { ...quiet, closed })
    expect(tunnel.streams).toHaveLength(1)
  })

  it('lets the lab reach loopback, and nothing else that is private', () => {
    const judge = destinationJudge(true)
    expect(judge(addressOf('127.0.0.21', 6881), 'tcp')).toBe(true)
    expect(judge(addressOf('10.0.0.1', 6881), 'tcp')).toBe(false)
  })

  it('keeps WebTorrent from peers on private addresses and from peers with names', () => {
    let known = 0
    const blocked = peerBlocklist(destinationJudge(false), () => known)
    const hosts = [
      '192.168.0.1',
      '::1',
      'fe80::1',
      'peer.culvert.net',
      '0x7f000001',
      '8.8.8.8',
      '2a00:1450::1',
    ]
    expect(hosts.map((host) => blocked.contains(host))).toEqual([true, true, true, true, true, false, false])
    known = 1_000
    expect(blocked.contains('8.8.8.8')).toBe(true)
  })
})
