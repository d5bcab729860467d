import { type ChildProcess, fork } from 'node:child_process'
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { generate } from 'selfsigned'
import { sodiumAead } from '../relay-server/crypto/sodium-aead.ts'
import { sodiumCurves } from '../relay-server/crypto/sodium-curves.ts'
import { Exit } from '../relay-server/exit/exit.ts'
import { StreamWire } from '../relay-server/links/stream-wire.ts'
import { NodeClock } from '../relay-server/node-clock.ts'
import { NodeRandom } from '../relay-server/node-random.ts'
import { addressOf, type IpAddress } from '../shared/bytes/address.ts'
import { fromHex, toHex } from '../shared/bytes/bytes.ts'
import { useCurves } from '../shared/crypto/curves.ts'
import { KeyPair, PublicKey } from '../shared/identity/keys.ts'
import { FLAG_EXIT_BITTORRENT, FLAG_RELAY, TUNNEL_COMMUNITY_ID } from '../shared/ipv8/constants.ts'
import { prefixOf } from '../shared/ipv8/packet.ts'
import type { Link } from '../shared/link/link.ts'
import type { Wire, WireHandlers } from '../shared/link/wire.ts'
import type { WireIdentity } from '../shared/link/wire-session.ts'
import { Router } from '../shared/onion/router.ts'
import { Counters } from '../shared/world/counters.ts'

/** Where a relay of this bench is, and its key in hex. */
export interface RelayPlace {
  readonly host: string
  readonly port: number
  readonly key: string
}

export const PREFIX = prefixOf(TUNNEL_COMMUNITY_ID)
const NETWORK = 'bench'
/** As docs/relay.md advises for relays that carry much. */
const NODE_FLAGS = ['--initial-old-space-size=128']

/** One node of the bench, and what proves it to others. */
export function benchIdentity(): WireIdentity {
  const random = new NodeRandom()
  return {
    keyPair: KeyPair.generate(random),
    network: NETWORK,
    clock: new NodeClock(),
    random,
    counters: new Counters(),
  }
}

/** A wire over TCP and TLS 1.3 to a relay of the bench. */
export function dialRelay(self: WireIdentity, place: RelayPlace, handlers: WireHandlers): Promise<Link> {
  const at = addressOf(place.host, place.port)
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: place.host,
      port: place.port,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
    })
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      const wire = new StreamWire({
        ...self,
        socket,
        kind: 'tcp',
        peer: at,
        role: { address: { kind: 'tcp', at }, expectedKey: PublicKey.parse(fromHex(place.key)) },
        onWire: (open) => {
          open.handTo(handlers)
          resolve(open.link)
        },
        onFailed: reject,
        onEnded: () => wire.stop('lost'),
      })
    })
  })
}

export interface BenchRelay {
  readonly place: RelayPlace
  stop(): void
}

/** A relay in a process of its own, which takes circuits over TLS, and has one such wire to `next`. */
export async function startBenchRelay(host: string, next?: RelayPlace): Promise<BenchRelay> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), [host, JSON.stringify(next ?? null)], {
    execArgv: [...process.execArgv, ...NODE_FLAGS],
  })
  const place = await new Promise<RelayPlace>((resolve, reject) => {
    child.once('message', (message) => resolve(message as RelayPlace))
    child.once('exit', (code) => reject(new Error(`a relay of the bench ended with code ${code}`)))
  })
  return { place, stop: () => child.disconnect() }
}

async function run(host: string, next: RelayPlace | null): Promise<void> {
  useCurves(sodiumCurves)
  const self = benchIdentity()
  const { clock, random, counters, keyPair } = self
  const onPacket = (link: Link, packet: Uint8Array) => router.receive(link, packet)
  const onClosed = (link: Link) => router.linkClosed(link)
  const exit = new Exit({
    clock,
    random,
    counters,
    prefix: PREFIX,
    tcp: true,
    bittorrent: false,
    ipv8: false,
    allowNetworks: ['127.0.0.0/8'],
    ownNetworks: () => [],
  })
  let nextLink: Link | undefined
  const router: Router = new Router({
    keyPair,
    prefix: PREFIX,
    clock,
    random,
    counters,
    aead: sodiumAead,
    flags: FLAG_RELAY | FLAG_EXIT_BITTORRENT,
    linkTo: (_address: IpAddress) => nextLink,
    mayExtendTo: () => true,
    exit,
    candidates: () => ({ relays: [], exits: [] }),
  })
  if (next) nextLink = await dialRelay(self, next, { onPacket, onClosed })
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'bench' }], { keyType: 'ec' })
  const accept = (socket: Socket) =>
    new StreamWire({
      ...self,
      socket,
      kind: 'tcp',
      peer: addressOf(socket.remoteAddress ?? host, socket.remotePort ?? 1),
      role: {},
      onWire: (wire: Wire) => wire.handTo({ onPacket, onClosed }),
      onFailed: (error) => console.error(error.message),
    })
  const server = createServer({ cert, key, minVersion: 'TLSv1.3' }, accept)
  server.listen(0, host, () => {
    const address = server.address()
    if (address && typeof address === 'object') {
      process.send?.({ host, port: address.port, key: toHex(keyPair.publicKey.bytes) })
    }
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.on('disconnect', () => process.exit())
  const [, , host = '', next = 'null'] = process.argv
  await run(host, JSON.parse(next) as RelayPlace | null)
}
