import { once } from 'node:events'
import { WebSocket } from 'ws'
import { sodiumAead } from '../relay-server/crypto/sodium-aead.ts'
import { WebSocketWire } from '../relay-server/links/websocket-wire.ts'
import { NodeClock } from '../relay-server/node-clock.ts'
import { NodeRandom } from '../relay-server/node-random.ts'
import type { Address } from '../shared/bytes/address.ts'
import { addressOf } from '../shared/bytes/address.ts'
import { KeyPair } from '../shared/identity/keys.ts'
import { TUNNEL_COMMUNITY_ID } from '../shared/ipv8/constants.ts'
import { prefixOf } from '../shared/ipv8/packet.ts'
import type { Link } from '../shared/link/link.ts'
import { parseLinkAddress } from '../shared/link/link-address.ts'
import type { Wire } from '../shared/link/wire.ts'
import { Circuit } from '../shared/onion/circuit.ts'
import type { PathHop } from '../shared/onion/hop.ts'
import { Counters } from '../shared/world/counters.ts'

const clock = new NodeClock()
const random = new NodeRandom()
/** After so long an echo is taken for lost. */
const LOST_MS = 3_000
const prefix = prefixOf(TUNNEL_COMMUNITY_ID)

export interface PageTarget {
  /** `ws://host:port/relay` of the first hop's gateway. */
  readonly url: string
  readonly path: readonly PathHop[]
  /** The address of this machine that the page comes from: a gateway takes only so many of one. */
  readonly from: string
}

/** A page as a relay sees it: an authenticated WebSocket with one circuit. */
export interface BenchPage {
  /** Sends a datagram to an echo and resolves when it is back; it is sent again where it was lost. */
  echo(to: Address, data: Uint8Array): Promise<void>
  close(): void
}

/** @throws Error if there is no circuit */
export async function openPage({ url, path, from }: PageTarget): Promise<BenchPage> {
  const [first] = path
  if (first === undefined) throw new Error('a path of no hops')
  const counters = new Counters()
  const socket = new WebSocket(url, { localAddress: from, autoPong: false, perMessageDeflate: false })
  await once(socket, 'open')
  const keyPair = KeyPair.generate(random)
  const address = parseLinkAddress(url)
  const wire = await new Promise<Wire>((resolve, reject) => {
    new WebSocketWire({
      ...{ socket, keyPair, network: 'bench', clock, random, counters },
      peer: addressOf(first.address.host, first.address.port),
      role: { address, expectedKey: first.publicKey },
      onWire: resolve,
      onFailed: reject,
    })
  })
  let echoed: () => void = () => undefined
  const circuit = await circuitOver(wire, path, counters, () => echoed())
  return {
    echo: (to, data) =>
      new Promise((resolve) => {
        const send = () => circuit.sendDatagram(to, data.slice())
        const timer = setInterval(send, LOST_MS)
        echoed = () => {
          clearInterval(timer)
          resolve()
        }
        send()
      }),
    close() {
      circuit.destroy('unneeded')
      wire.link.close('unneeded')
    },
  }
}

function circuitOver(
  wire: Wire,
  path: readonly PathHop[],
  counters: Counters,
  onDatagram: () => void,
): Promise<Circuit> {
  return new Promise((resolve, reject) => {
    const circuit: Circuit = new Circuit({
      keyPair: KeyPair.generate(random),
      ...{ path, link: wire.link, prefix, clock, random, aead: sodiumAead, counters },
      events: {
        changed: () => undefined,
        ready: resolve,
        datagram: onDatagram,
        stream: () => undefined,
        streamReset: () => undefined,
        closed: (_circuit, reason) => reject(new Error(`no circuit: ${reason}`)),
      },
    })
    wire.handTo({
      onPacket: (_link: Link, packet: Uint8Array) => circuit.receive(packet),
      onClosed: () => reject(new Error('the link was closed')),
    })
    circuit.start()
  })
}
