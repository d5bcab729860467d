import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { equalBytes } from '../../shared/bytes/bytes.ts'
import { CodecError } from '../../shared/bytes/error.ts'
import { ID_BYTES } from '../../shared/kademlia/constants.ts'
import { decodeKrpc, encodeKrpc } from '../../shared/kademlia/krpc-codec.ts'
import { Candidates } from './candidates.ts'
import { ROUTER_REPEATS_MS } from './limits.ts'
import { aborted, askingNode, isIp, type LookupOutcome, type LookupWorld, pause } from './lookup.ts'

/** BEP 5 leaves the length to the asker. */
const TRANSACTION_BYTES = 4

/**
 * Looks for relays through BitTorrent's DHT, from the exit: a read-only node (BEP 43) that lives as long as this lookup, with an
 * id that nothing else has. Who has announced itself under the network's info hash is asked for its descriptor.
 * @param routers `host:port`; names are resolved at the exit alone
 * @param signal ends it early; what was found until then counts
 */
export async function lookUpByDht(
  world: LookupWorld,
  routers: readonly string[],
  signal: AbortSignal,
): Promise<LookupOutcome> {
  const { clock, random, tunnel, infoHash } = world
  let ready = () => {}
  const hasNodes = new Promise<void>((resolve) => {
    ready = resolve
  })
  const transaction = random.bytes(TRANSACTION_BYTES)
  const socket = tunnel.datagrams((origin, datagram) => {
    if (isAnswerTo(transaction, datagram)) dht.addNodes([origin])
    else dht.receive(origin, datagram)
  })
  const dht = askingNode(world, socket, { tableUpdated: ready })
  const candidates = new Candidates(dht, world)
  try {
    const addresses = routers.map(routerAddress)
    dht.start(addresses.filter(isIp))
    const named = addresses.filter((address) => !isIp(address))
    const question = encodeKrpc({
      kind: 'query',
      transaction,
      readOnly: true,
      request: { method: 'ping', id: random.bytes(ID_BYTES) },
    })
    for (const ms of ROUTER_REPEATS_MS) {
      if (named.length === 0) break
      await Promise.race([pause(clock, ms, signal), hasNodes])
      for (const router of named) socket.send(router, question)
    }
    await Promise.race([hasNodes, aborted(signal)])
    if (signal.aborted) return candidates.outcome(false)
    const done = new Promise<boolean>((resolve) => {
      const found = { peers: (peers: readonly IpAddress[]) => candidates.add(peers) }
      dht.getPeers(infoHash, found, ({ answered }) => resolve(answered > 0))
    })
    const answered = await Promise.race([done, aborted(signal).then(() => true)])
    await Promise.race([candidates.settled(), aborted(signal)])
    return candidates.outcome(answered)
  } finally {
    dht.stop()
    socket.close()
  }
}

function routerAddress(router: string): ReturnType<typeof addressOf> {
  const at = router.lastIndexOf(':')
  return addressOf(router.slice(0, at).replace(/^\[|\]$/g, ''), Number(router.slice(at + 1)))
}

/** Of a router that was asked by name, which address answers is not known before. */
function isAnswerTo(transaction: Uint8Array, datagram: Uint8Array): boolean {
  try {
    const message = decodeKrpc(datagram)
    return message.kind === 'response' && equalBytes(message.transaction, transaction)
  } catch (error) {
    // Whatever it is, the node itself will count it.
    if (error instanceof CodecError) return false
    throw error
  }
}
