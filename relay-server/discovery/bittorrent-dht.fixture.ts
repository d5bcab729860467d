import { utf8ToBytes } from '@noble/hashes/utils.js'
import { Client } from 'bittorrent-dht'
import { addressOf, formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import { toHex } from '../../shared/bytes/bytes.ts'
import { nobleCurves } from '../../shared/crypto/curves.ts'
import { mutableTarget } from '../../shared/kademlia/item.ts'
import type { DhtNode } from './dht-nodes.fixture.ts'

const PEER_PORT = 7002

/** A node of the npm package bittorrent-dht. */
export async function bittorrentDhtNode(host: string): Promise<DhtNode> {
  const dht = new Client({
    bootstrap: false,
    verify: (signature, message, key) => nobleCurves.verify(signature, message, key),
  })
  dht.on('warning', () => undefined)
  await new Promise<void>((resolve, reject) => {
    dht.once('error', reject)
    dht.listen(0, host, resolve)
  })
  const put = (item: Parameters<Client['put']>[0]) =>
    new Promise<number>((resolve) => dht.put(item, (_error, _target, stored) => resolve(stored ?? 0)))
  const get = (target: Uint8Array, salt?: Uint8Array) =>
    new Promise<string | undefined>((resolve) =>
      // Its own cache would answer for the network.
      dht.get(Buffer.from(target), { cache: false, ...(salt && { salt }) }, (_error, item) =>
        resolve(item?.v && String.fromCharCode(...item.v)),
      ),
    )
  return {
    address: addressOf(host, dht.address().port) as IpAddress,
    // What it looks for with an empty table, it does not find for five minutes.
    know: (addresses) =>
      new Promise((resolve) => {
        dht.once('node', () => resolve())
        for (const { host: theirs, port } of addresses) dht.addNode({ host: theirs, port })
      }),
    announce: (infoHash) =>
      new Promise((resolve) =>
        dht.announce(toHex(infoHash), PEER_PORT, () => resolve(`${host}:${PEER_PORT}`)),
      ),
    peers: (infoHash) =>
      new Promise((resolve) => {
        const found = new Set<string>()
        const listen = (peer: { host: string; port: number }, hash: Uint8Array, from: unknown) => {
          // What it keeps itself has no sender.
          if (from && toHex(hash) === toHex(infoHash))
            found.add(formatAddress(addressOf(peer.host, peer.port)))
        }
        dht.on('peer', listen)
        dht.lookup(Buffer.from(infoHash), () => {
          dht.off('peer', listen)
          resolve([...found])
        })
      }),
    put: (value) => put({ v: Buffer.from(value) }),
    putMutable: ({ seed, publicKey }, salt, value) =>
      put({
        k: Buffer.from(publicKey),
        seq: 1,
        salt: Buffer.from(salt),
        v: Buffer.from(value),
        sign: (message) => Buffer.from(nobleCurves.sign(message, seed, publicKey)),
      }),
    get,
    getMutable: ({ publicKey }, salt) => get(mutableTarget(publicKey, utf8ToBytes(salt)), Buffer.from(salt)),
    close: () => new Promise((resolve) => dht.destroy(() => resolve())),
  }
}
