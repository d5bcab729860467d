import { describe, expect, it } from 'vitest'
import { addressOf } from '../bytes/address.ts'
import { Counters } from '../world/counters.ts'
import { MAX_SENT_DATAGRAM_BYTES, REMEMBERED_ORIGINS } from './constants.ts'
import { Datagrams } from './datagrams.ts'

const PEER = addressOf('203.0.113.5', 80)

function shared() {
  const sent: number[] = []
  const counters = new Counters()
  const world = { circuit: true }
  const datagrams = new Datagrams((_, data) => {
    if (world.circuit) sent.push(data.length)
    return world.circuit
  }, counters)
  const heard: string[] = []
  const open = (name: string) => datagrams.open((origin) => heard.push(`${name} ${origin.host}`))
  return { datagrams, counters, world, sent, heard, a: open('a'), b: open('b') }
}

describe('datagram sockets that share one at the exit (C-07)', () => {
  it('gives an answer to who asked last, and what nobody asked for to all', () => {
    const { datagrams, a, b, heard } = shared()
    a.send(PEER, new Uint8Array(1))
    datagrams.receive(PEER, new Uint8Array(1))
    b.send(PEER, new Uint8Array(1))
    datagrams.receive(PEER, new Uint8Array(1))
    datagrams.receive(addressOf('203.0.113.6', 80), new Uint8Array(1))
    expect(heard).toEqual(['a 203.0.113.5', 'b 203.0.113.5', 'a 203.0.113.6', 'b 203.0.113.6'])
  })

  it('gives nothing to a socket that is closed, and takes nothing from it', () => {
    const { datagrams, a, heard, sent } = shared()
    a.send(PEER, new Uint8Array(1))
    a.close()
    a.send(PEER, new Uint8Array(2))
    datagrams.receive(PEER, new Uint8Array(1))
    expect(heard).toEqual(['b 203.0.113.5'])
    expect(sent).toEqual([1])
  })

  it('closes all at once, which later ones are not', () => {
    const { datagrams, a, b, heard, sent } = shared()
    a.send(PEER, new Uint8Array(1))
    datagrams.closeAll()
    const late = datagrams.open(() => heard.push('late'))
    for (const socket of [a, b]) socket.send(PEER, new Uint8Array(2))
    datagrams.receive(PEER, new Uint8Array(1))
    late.send(PEER, new Uint8Array(3))
    expect(sent).toEqual([1, 3])
    expect(heard).toEqual(['late'])
  })

  it('counts what is too large, and what is lost for want of a circuit', () => {
    const { a, world, counters, sent } = shared()
    a.send(PEER, new Uint8Array(MAX_SENT_DATAGRAM_BYTES + 1))
    a.send(PEER, new Uint8Array(MAX_SENT_DATAGRAM_BYTES))
    world.circuit = false
    a.send(PEER, new Uint8Array(3))
    expect(sent).toEqual([MAX_SENT_DATAGRAM_BYTES])
    expect(counters.snapshot()).toEqual({ 'client-datagram-dropped': 1, 'client-datagram-too-large': 1 })
  })

  it('remembers a bounded number of addresses, the oldest least', () => {
    const { datagrams, a, heard } = shared()
    a.send(PEER, new Uint8Array(1))
    for (let i = 0; i < REMEMBERED_ORIGINS; i++) {
      a.send(addressOf(`198.51.${i >> 8}.${i & 255}`, 80), new Uint8Array(1))
    }
    datagrams.receive(PEER, new Uint8Array(1))
    expect(heard).toEqual(['a 203.0.113.5', 'b 203.0.113.5'])
  })
})
