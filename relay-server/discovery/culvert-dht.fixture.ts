import { once } from 'node:events'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { addressOf, formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import { nobleCurves } from '../../shared/crypto/curves.ts'
import type { GetItemResult, KademliaOptions } from '../../shared/kademlia/api.ts'
import { Kademlia } from '../../shared/kademlia/kademlia.ts'
import { Counters } from '../../shared/world/counters.ts'
import { bindUdp } from '../links/udp-socket.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import type { DhtNode, ItemKey } from './dht-nodes.fixture.ts'

const PEER_PORT = 7001

/** Our own node on a UDP socket of its own. */
export interface CulvertNode extends DhtNode {
  readonly kademlia: Kademlia
  readonly counters: Counters
}

export async function culvertNode(
  host: string,
  options: Partial<Pick<KademliaOptions, 'readOnly' | 'settings' | 'ownItem' | 'events'>> = {},
): Promise<CulvertNode> {
  const socket = await bindUdp(host, 0)
  const counters = new Counters()
  const kademlia = new Kademlia({
    clock: new NodeClock(),
    random: new NodeRandom(),
    counters,
    families: ['ipv4'],
    send: (to, datagram) => socket.send(datagram, to.port, to.host),
    mayReach: () => true,
    ...options,
  })
  socket.on('message', (datagram, from) => {
    kademlia.receive(addressOf(from.address, from.port) as IpAddress, new Uint8Array(datagram))
  })
  kademlia.start([])
  return {
    kademlia,
    counters,
    address: addressOf(host, socket.address().port) as IpAddress,
    know: async (addresses) => kademlia.addNodes(addresses),
    announce: (infoHash) =>
      new Promise((resolve) =>
        kademlia.announcePeer(infoHash, PEER_PORT, () => resolve(`${host}:${PEER_PORT}`)),
      ),
    peers: (infoHash) =>
      new Promise((resolve) =>
        kademlia.getPeers(infoHash, {}, (result) => resolve(result.peers.map(formatAddress))),
      ),
    put: (value) =>
      new Promise((resolve) => kademlia.putImmutable(utf8ToBytes(value), (result) => resolve(result.stored))),
    putMutable: ({ publicKey, seed }: ItemKey, salt, value) =>
      new Promise((resolve) =>
        kademlia.putMutable(
          {
            publicKey,
            sign: (message) => nobleCurves.sign(message, seed, publicKey),
            salt: utf8ToBytes(salt),
            seq: 1,
            value: utf8ToBytes(value),
          },
          (result) => resolve(result.stored),
        ),
      ),
    get: (target) =>
      new Promise((resolve) => kademlia.getItem({ target }, (result) => resolve(textOf(result)))),
    getMutable: ({ publicKey }, salt) =>
      new Promise((resolve) =>
        kademlia.getItem({ publicKey, salt: utf8ToBytes(salt) }, (result) => resolve(textOf(result))),
      ),
    close: async () => {
      kademlia.stop()
      const closed = once(socket, 'close')
      socket.close()
      await closed
    },
  }
}

function textOf({ item }: GetItemResult): string | undefined {
  return item?.value && String.fromCharCode(...item.value)
}
