import { describe, expect, it } from 'vitest'
import { concat } from '../shared/bytes/bytes.ts'
import { DESCRIPTOR_RESPONSE, DIRECTORY_COMMUNITY_ID } from '../shared/directory/constants.ts'
import { Directory } from '../shared/directory/directory.ts'
import { DirectoryExchange } from '../shared/directory/exchange.ts'
import { KeyPair } from '../shared/identity/keys.ts'
import { DISCOVERY_COMMUNITY_ID, TUNNEL_COMMUNITY_ID } from '../shared/ipv8/constants.ts'
import { prefixOf } from '../shared/ipv8/packet.ts'
import { ip, Town } from '../shared/ipv8/town.fixture.ts'
import type { Link } from '../shared/link/link.ts'
import { MESSAGE } from '../shared/onion/constants.ts'
import { SeededRandom } from '../shared/sim/seeded-random.ts'
import { PROOF_REQUEST_BYTES, PROOF_RESPONSE } from '../shared/trust/constants.ts'
import { ProofExchange } from '../shared/trust/proof.ts'
import { RequestLimit } from '../shared/trust/request-limit.ts'
import { packetDispatch, suspectSender } from './relay-packets.ts'

const prefix = prefixOf(TUNNEL_COMMUNITY_ID)
const directory = prefixOf(DIRECTORY_COMMUNITY_ID)

/** A relay's walker that knows ip(2), and what gives packets to it; other machines take nothing. */
function relay() {
  const town = new Town()
  const { clock, counters } = town
  const walker = town.add(1)
  town.add(2)
  walker.walkTo(ip(2))
  town.clock.advance(1_000)
  const random = new SeededRandom(1)
  const proofs = new ProofExchange({
    ...{ keyPair: KeyPair.generate(random), network: 'test', clock, random, counters },
    limit: new RequestLimit(clock, { requests: 60 }),
    isOwn: () => true,
    onMalformed: (link) => suspectSender(walker, link),
  })
  const router = { receive: () => undefined, receivePacket: () => undefined }
  const exchange = new DirectoryExchange({
    directory: new Directory({ network: 'test', clock, counters }),
    own: () => undefined,
    ...{ clock, random, counters },
    onMalformed: (link) => suspectSender(walker, link),
  })
  const dispatch = packetDispatch({ prefix, counters, router, walker, proofs, exchange })
  const failures = () => walker.peers()[0]?.consecutiveFailures
  return { counters, dispatch, failures }
}

const over = (kind: Link['kind']): Link => ({
  ...{ kind, mtu: 1_600, address: ip(2), open: true },
  ...{ send: () => undefined, close: () => undefined },
})

describe('what a peer should not have sent (N-11)', () => {
  const retired = Uint8Array.of(...prefix, 99, 1, 2, 3)
  it.each([
    ['a message of no known id', retired, 'relay-unknown-message'],
    [
      'a message of no known id in the DiscoveryCommunity',
      concat(prefixOf(DISCOVERY_COMMUNITY_ID), Uint8Array.of(99, 1)),
      'ipv8-unhandled-message',
    ],
    [
      'a message of no known id of the directory’s',
      concat(directory, Uint8Array.of(99, 1)),
      'directory-unknown-message',
    ],
    [
      'a malformed response of the directory’s',
      concat(directory, Uint8Array.of(DESCRIPTOR_RESPONSE, 1)),
      'directory-refused-codec-short',
    ],
    [
      'a malformed proof',
      concat(directory, Uint8Array.of(PROOF_RESPONSE), new Uint8Array(9)),
      'proof-refused-codec-short',
    ],
  ])('%s counts against it', (_name, packet, counter) => {
    const { counters, dispatch, failures } = relay()
    expect(failures()).toBe(0)
    dispatch(over('udp'), packet)
    expect(counters.get(counter)).toBe(1)
    expect(failures()).toBe(1)
    // Anybody may write its address: a hundred of them count once in ten seconds.
    for (let n = 0; n < 100; n++) dispatch(over('udp'), packet)
    expect(failures()).toBe(1)
  })

  it.each([
    ['a cell, whose fault may be that of another hop', over('udp'), [...prefix, MESSAGE.cell, 1]],
    ['what came over another link', over('websocket'), [...retired]],
    ['a packet of another community', over('udp'), [0, 2, ...new Uint8Array(40)]],
    ['a short proof request', over('udp'), [...directory, 5, ...new Uint8Array(PROOF_REQUEST_BYTES >> 1)]],
  ])('%s does not', (_name, link, packet) => {
    const { dispatch, failures } = relay()
    dispatch(link, Uint8Array.from(packet))
    expect(failures()).toBe(0)
  })
})
