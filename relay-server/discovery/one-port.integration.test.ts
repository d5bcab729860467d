import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { formatAddress } from '../../shared/bytes/address.ts'
import { decodeDictionary } from '../../shared/bytes/bencode.ts'
import { relayInfoHash } from '../../shared/directory/constants.ts'
import { readDescriptor } from '../../shared/directory/descriptor.fixture.ts'
import { startRelay, type TestRelay } from '../relay.fixture.ts'
import { culvertNode } from './culvert-dht.fixture.ts'

const HOST = '127.0.69.1'
const NETWORK = 'test'
let relay: TestRelay
let stranger: Socket
let port = 0

beforeAll(async () => {
  relay = await startRelay(HOST)
  port = Number(relay.relay.udpAddress.split(':').at(-1))
  stranger = createSocket('udp4')
  stranger.bind(0, '127.0.69.2')
  await once(stranger, 'listening')
})

afterAll(async () => {
  stranger.close()
  await relay.relay.stop()
})

async function ask(question: Uint8Array | string): Promise<Uint8Array> {
  stranger.send(question, port, HOST)
  for (;;) {
    const [answer] = (await once(stranger, 'message')) as [Buffer]
    // A node of the DHT asks in its turn who asks it.
    if (!answer.toString('latin1').endsWith('1:y1:qe')) return new Uint8Array(answer)
  }
}

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
const latin1 = (text: string) => Buffer.from(text, 'latin1')
const ID = '\x07'.repeat(20)
const TARGET = Buffer.from(relayInfoHash(NETWORK)).toString('latin1')
const get = (padding: string) =>
  latin1(`d1:ad2:id20:${ID}6:target20:${TARGET}e${padding}1:q3:get1:t2:aa1:y1:qe`)

describe('one UDP port for all (D-02, D-09, K-04)', () => {
  it('answers the probes of secIRC, with no more than was asked', async () => {
    expect(textOf(await ask('PING'))).toBe('PONG')
    expect(textOf(await ask('SECIRC_HANDSHAKE'))).toBe('SECIRC_RESPONSE')
    expect(relay.counters.get('secirc-answered')).toBe(2)
  })

  it('is a node of the DHT', async () => {
    const answer = decodeDictionary(await ask(latin1(`d1:ad2:id20:${ID}e1:q4:ping1:t2:aa1:y1:qe`)))
    expect(Buffer.from(answer.string('t') ?? '').toString()).toBe('aa')
    expect(answer.dictionary('r')?.string('id')).toHaveLength(20)
  })

  it('gives its descriptor to who asks with as many bytes, and to nobody else', async () => {
    const padding = `1:p1000:${'x'.repeat(1_000)}`
    const question = get(padding)
    const answer = await ask(question)
    expect(answer.length).toBeLessThanOrEqual(question.length)
    const value = decodeDictionary(answer).dictionary('r')?.string('v')
    const { publicKey, udp } = readDescriptor(value as Uint8Array, NETWORK, Date.now())
    expect(publicKey.equals(relay.keyPair.publicKey)).toBe(true)
    expect(udp).toEqual({ kind: 'ipv4', host: HOST, port })
    const short = decodeDictionary(await ask(get('')))
    expect(short.dictionary('r')?.get('v')).toBeUndefined()
  })

  it('makes no link of such strangers, and counts what is nothing', async () => {
    stranger.send('GET / HTTP/1.1', port, HOST)
    expect(textOf(await ask('PING'))).toBe('PONG')
    expect(relay.counters.get('relay-foreign-datagram')).toBe(1)
    expect(relay.relay.status()?.udpLinks).toBe(0)
  })
})

describe('what a relay puts into the DHT (K-05)', () => {
  it('is kept by as many nodes as its operator says', async () => {
    const nodes = await Promise.all(
      ['127.0.69.3', '127.0.69.4', '127.0.69.5'].map((host) => culvertNode(host)),
    )
    const routers = nodes.map(({ address }) => formatAddress(address))
    for (const { know } of nodes) await know(nodes.map(({ address }) => address))
    const discovery = { dht: { routers, defaultRouters: false, replication: 1 } }
    const { relay: announcing, counters } = await startRelay('127.0.69.6', { discovery })
    try {
      await vi.waitUntil(() => counters.get('dht-item-put') > 0, { timeout: 30_000 })
      const kept = nodes.map(({ kademlia }) => kademlia.status().stored)
      expect(kept.reduce((sum, { peers }) => sum + peers, 0)).toBe(1)
      expect(kept.reduce((sum, { items }) => sum + items, 0)).toBe(1)
    } finally {
      await announcing.stop()
      await Promise.all(nodes.map((node) => node.close()))
    }
  })
})
