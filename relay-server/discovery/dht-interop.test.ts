import { sha1 } from '@noble/hashes/legacy.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nobleCurves } from '../../shared/crypto/curves.ts'
import { byteStringValue, immutableTarget } from '../../shared/kademlia/item.ts'
import { bittorrentDhtNode } from './bittorrent-dht.fixture.ts'
import { type CulvertNode, culvertNode } from './culvert-dht.fixture.ts'
import type { DhtNode, ItemKey } from './dht-nodes.fixture.ts'
import { LibtorrentNodes } from './libtorrent-dht.fixture.ts'

const SALT = 'salt'
const WAIT = { timeout: 60_000, interval: 200 }
/** Of a machine that has much else to do. */
const PATIENCE = { timeout: 240_000 }

const hashOf = (name: string) => sha1(utf8ToBytes(name))
const targetOf = (value: string) => immutableTarget(byteStringValue(utf8ToBytes(value)))
const keyOf = (name: string): ItemKey => {
  const seed = new Uint8Array(32)
  seed.set(hashOf(name))
  return { seed, publicKey: nobleCurves.ed25519Public(seed) }
}

/** All that a node can leave in the DHT, under names of its own. @returns where it says that it is */
async function leave(node: DhtNode, name: string): Promise<string> {
  await expect.poll(() => node.put(`value of ${name}`), WAIT).toBeGreaterThan(0)
  await expect.poll(() => node.putMutable(keyOf(name), SALT, `mutable of ${name}`), WAIT).toBeGreaterThan(0)
  return node.announce(hashOf(name))
}

/** Whether another finds it all. Asked again while it does not: libtorrent does not say when it has announced. */
async function finds(node: DhtNode, name: string, peer: string): Promise<void> {
  await expect.poll(() => node.get(targetOf(`value of ${name}`)), WAIT).toBe(`value of ${name}`)
  await expect.poll(() => node.getMutable(keyOf(name), SALT), WAIT).toBe(`mutable of ${name}`)
  await expect.poll(() => node.peers(hashOf(name)), WAIT).toContain(peer)
}

type Kind = 'libtorrent' | 'bittorrent-dht'
const network: Record<Kind, number> = { libtorrent: 1, 'bittorrent-dht': 2 }

/** Three nodes of that kind: one is to serve, one to write, one to read. */
async function three(kind: Kind) {
  const hosts = [1, 2, 3].map((i) => `127.${network[kind]}.${i}.1`)
  if (kind === 'libtorrent') return LibtorrentNodes.start(hosts)
  const nodes = await Promise.all(hosts.map(bittorrentDhtNode))
  return { nodes, close: async () => void (await Promise.all(nodes.map((node) => node.close()))) }
}

describe.each<Kind>(['libtorrent', 'bittorrent-dht'])(
  'our DHT node and one of %s (K-04, D-02)',
  PATIENCE,
  (kind) => {
    let others: Awaited<ReturnType<typeof three>>
    let ours: CulvertNode[]
    let left: string
    const host = (i: number) => `127.${network[kind]}.${i + 10}.1`

    beforeAll(async () => {
      others = await three(kind)
      // Those who write and read are asked nothing, so that what is found was kept by the other kind.
      ours = await Promise.all([0, 1, 2].map((i) => culvertNode(host(i), { readOnly: i > 0 })))
    })
    afterAll(async () => {
      await Promise.all(ours.map((node) => node.close()))
      await others.close()
    })

    it('pings it, and finds what one of ours left there', async () => {
      const [, writer, reader] = ours as [CulvertNode, CulvertNode, CulvertNode]
      const [server] = others.nodes as [DhtNode]
      const id = await new Promise<Uint8Array | undefined>((resolve) =>
        writer.kademlia.ping(server.address, resolve),
      )
      expect(id).toHaveLength(20)
      await writer.know([server.address])
      await reader.know([server.address])
      left = await leave(writer, `ours at ${kind}`)
      await finds(reader, `ours at ${kind}`, left)
    })

    it('serves it: it leaves things with us, and finds what ours left with us', async () => {
      const [server] = ours as [CulvertNode]
      const [, writer, reader] = others.nodes as [DhtNode, DhtNode, DhtNode]
      await writer.know([server.address])
      await leave(writer, `${kind} at ours`)
      await expect.poll(() => server.kademlia.status().stored, WAIT).toMatchObject({ peers: 1, items: 2 })
      // A node that is asked nothing left it, with one node that serves: nobody else can have it.
      const single = await culvertNode(host(10))
      const quiet = await culvertNode(host(11), { readOnly: true })
      ours.push(single, quiet)
      await quiet.know([single.address])
      const peer = await leave(quiet, `ours at ours for ${kind}`)
      await reader.know([single.address])
      await finds(reader, `ours at ours for ${kind}`, peer)
    })

    it('tells it of others, and is told', async () => {
      const [server, asker] = ours as [CulvertNode, CulvertNode]
      const [theirs, reader] = others.nodes as [DhtNode, DhtNode, DhtNode]
      // find_node: of the two others, it knew one by name, and the other through that.
      const result = await new Promise<number>((resolve) =>
        asker.kademlia.findNode(hashOf('anything'), ({ closest }) => resolve(closest.length)),
      )
      expect(result).toBeGreaterThanOrEqual(1)
      await server.know([theirs.address])
      await expect
        .poll(() => server.kademlia.nodes().map(({ address }) => address), WAIT)
        .toContainEqual(theirs.address)
      // The reader knows us alone, and by us finds what ours left there.
      await finds(reader, `ours at ${kind}`, left)
    })
  },
)

describe('fifty nodes of three kinds (K-04, D-02)', PATIENCE, () => {
  const COUNT = { ours: 30, 'bittorrent-dht': 14, libtorrent: 6 }
  const hosts = (kind: keyof typeof COUNT, second: number) =>
    Array.from({ length: COUNT[kind] }, (_, i) => `127.${second}.${i + 1}.1`)
  const kinds: Record<string, DhtNode[]> = {}
  let close: () => Promise<void>
  let tables: () => number[]

  beforeAll(async () => {
    const ours = await Promise.all(hosts('ours', 10).map((each) => culvertNode(each)))
    const theirs = await Promise.all(hosts('bittorrent-dht', 11).map(bittorrentDhtNode))
    const libtorrent = await LibtorrentNodes.start(hosts('libtorrent', 12))
    Object.assign(kinds, { ours, 'bittorrent-dht': theirs, libtorrent: libtorrent.nodes })
    close = async () => {
      await Promise.all([...ours, ...theirs].map((node) => node.close()))
      await libtorrent.close()
    }
    // Everybody begins from one node of each kind.
    const first = Object.values(kinds).map(([node]) => (node as DhtNode).address)
    const all = Object.values(kinds).flat()
    await Promise.all(all.map((node) => node.know(first.filter(({ host }) => host !== node.address.host))))
    tables = () => ours.map((node) => node.kademlia.status().nodes.ipv4)
  }, PATIENCE.timeout)
  afterAll(() => close())

  it('find what a node of any kind announced and put', async () => {
    await expect.poll(() => Math.min(...tables()), WAIT).toBeGreaterThanOrEqual(8)
    const names = Object.keys(kinds)
    const peers = await Promise.all(
      names.map((kind) => leave(kinds[kind]?.at(-1) as DhtNode, `left by ${kind}`)),
    )
    await Promise.all(
      names.flatMap((finder) =>
        names.map((kind, i) => finds(kinds[finder]?.[1] as DhtNode, `left by ${kind}`, peers[i] as string)),
      ),
    )
  })
})
