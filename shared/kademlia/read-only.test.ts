import { describe, expect, it } from 'vitest'
import type { IpAddress } from '../bytes/address.ts'
import { TestDht } from './dht.fixture.ts'
import { encodeKrpc } from './krpc-codec.ts'

const asker: IpAddress = { kind: 'ipv4', host: '90.1.1.1', port: 4444 }
const id = new Uint8Array(20).fill(0x55)

describe('read-only nodes (K-07)', () => {
  it('answer nobody, enter no table, and look up like others', () => {
    const town = new TestDht()
    town.grow(20)
    const reader = town.add({ readOnly: true })
    reader.dht.start([town.nodes[0]!.address])
    town.clock.advance(60_000)
    expect(reader.dht.status().nodes.ipv4).toBeGreaterThan(10)
    const known = town.nodes
      .flatMap(({ dht }) => dht.nodes())
      .some(({ address }) => address.host === reader.address.host)
    expect(known).toBe(false)
    const answers: unknown[] = []
    const send = town.socket(asker, (_, datagram) => answers.push(datagram))
    const request = { method: 'ping', id } as const
    send(reader.address, encodeKrpc({ kind: 'query', transaction: Uint8Array.of(1), request }))
    town.clock.advance(1_000)
    expect(answers).toEqual([])
  })

  it('are nodes like others as soon as they can be reached, and no longer', () => {
    const town = new TestDht()
    town.grow(20)
    const world = { reached: true }
    const node = town.add({ readOnly: () => !world.reached })
    node.dht.start([town.nodes[0]!.address])
    town.clock.advance(60_000)
    const isKnown = () =>
      town.nodes.some(({ dht }) => dht.nodes().some(({ address }) => address.host === node.address.host))
    const answers: unknown[] = []
    const send = town.socket(asker, (_, datagram) => answers.push(datagram))
    const request = { method: 'ping', id } as const
    const ping = () => {
      answers.length = 0
      send(node.address, encodeKrpc({ kind: 'query', transaction: Uint8Array.of(1), request }))
      town.clock.advance(1_000)
      return answers.length > 0
    }
    expect([isKnown(), ping()]).toEqual([true, true])
    world.reached = false
    expect(ping()).toBe(false)
    const before = town.nodes.length
    // Whoever comes now hears of it from others, asks it in vain, and does not keep it.
    town.grow(5)
    town.clock.advance(3_600_000)
    expect(town.nodes.length).toBe(before + 5)
    expect(isKnown()).toBe(false)
    world.reached = true
    expect(ping()).toBe(true)
  })
})
