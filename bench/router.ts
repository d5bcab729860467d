import { sodiumAead } from '../relay-server/crypto/sodium-aead.ts'
import { NodeClock } from '../relay-server/node-clock.ts'
import { NodeRandom } from '../relay-server/node-random.ts'
import { type Address, addressOf, formatAddress, type IpAddress } from '../shared/bytes/address.ts'
import { KeyPair } from '../shared/identity/keys.ts'
import { FLAG_EXIT_BITTORRENT, FLAG_RELAY, TUNNEL_COMMUNITY_ID } from '../shared/ipv8/constants.ts'
import { prefixOf } from '../shared/ipv8/packet.ts'
import type { Link } from '../shared/link/link.ts'
import { Circuit } from '../shared/onion/circuit.ts'
import type { ExitCircuit } from '../shared/onion/exit-port.ts'
import { Router } from '../shared/onion/router.ts'
import { Counters } from '../shared/world/counters.ts'
import { median, type Section } from './report.ts'

const CELLS = 10_000
const ROUNDS = 5
/** Fills a cell of 1,472 bytes under three layers. */
const PAYLOAD = new Uint8Array(1_350).fill(100)

/** One direction of a wire; what is sent is delivered at once, or kept. */
class Wire implements Link {
  readonly kind = 'simulated'
  readonly mtu = 1_472
  readonly open = true
  readonly address: Address
  deliver: (packet: Uint8Array) => void = () => undefined

  constructor(address: Address) {
    this.address = address
  }

  send(packet: Uint8Array): void {
    this.deliver(packet)
  }

  close(): void {}
}

const prefix = prefixOf(TUNNEL_COMMUNITY_ID)
const clock = new NodeClock()
const random = new NodeRandom()
const counters = new Counters()
const ip = (host: string) => addressOf(host, 7759) as IpAddress

/** Owner, the router under test, and a second hop that swallows what comes out. */
async function threeNodes() {
  const keys = { relay: KeyPair.generate(random), exit: KeyPair.generate(random) }
  const wires = {
    ownerToRelay: new Wire(ip('192.0.2.1')),
    relayToOwner: new Wire(ip('192.0.2.9')),
    relayToExit: new Wire(ip('192.0.2.2')),
    exitToRelay: new Wire(ip('192.0.2.1')),
  }
  const world = {
    prefix,
    clock,
    random,
    counters,
    aead: sodiumAead,
    candidates: () => ({ relays: [], exits: [] }),
  }
  let exitCircuit: ExitCircuit | undefined
  const relay = new Router({
    ...world,
    keyPair: keys.relay,
    flags: FLAG_RELAY,
    linkTo: (address) =>
      formatAddress(address) === formatAddress(wires.relayToExit.address) ? wires.relayToExit : undefined,
    mayExtendTo: () => true,
    exit: undefined,
  })
  const exit = new Router({
    ...world,
    keyPair: keys.exit,
    flags: FLAG_RELAY | FLAG_EXIT_BITTORRENT,
    linkTo: () => undefined,
    mayExtendTo: () => false,
    exit: {
      datagram: (circuit) => {
        exitCircuit = circuit
      },
      stream: () => undefined,
      ended: () => undefined,
    },
  })
  const circuit = await new Promise<Circuit>((resolve, reject) => {
    const owner = new Circuit({
      keyPair: KeyPair.generate(random),
      path: [
        { publicKey: keys.relay.publicKey, address: ip('192.0.2.1'), name: 'relay' },
        { publicKey: keys.exit.publicKey, address: ip('192.0.2.2'), name: 'exit' },
      ],
      link: wires.ownerToRelay,
      prefix,
      clock,
      random,
      aead: sodiumAead,
      counters,
      events: {
        changed: () => undefined,
        ready: resolve,
        datagram: () => undefined,
        stream: () => undefined,
        streamReset: () => undefined,
        closed: (_, reason) => reject(new Error(`the circuit closed: ${reason}`)),
      },
    })
    wires.ownerToRelay.deliver = (packet) => relay.receive(wires.relayToOwner, packet)
    wires.relayToOwner.deliver = (packet) => owner.receive(packet)
    wires.relayToExit.deliver = (packet) => exit.receive(wires.exitToRelay, packet)
    wires.exitToRelay.deliver = (packet) => relay.receive(wires.relayToExit, packet)
    owner.start()
  })
  circuit.sendDatagram(ip('198.51.100.1'), PAYLOAD)
  if (!exitCircuit) throw new Error('nothing came out of the circuit')
  return { relay, exit, circuit, wires, exitCircuit: exitCircuit as ExitCircuit }
}

/** Cells per second through one router, in one process, without sockets: what its own code costs. */
export async function benchRouter(): Promise<Section> {
  const { relay, exit, circuit, wires, exitCircuit } = await threeNodes()
  let passed = 0
  const rate = (make: () => Uint8Array[], from: Link) => {
    const round = () => {
      const cells = make()
      passed = 0
      const start = performance.now()
      for (const cell of cells) relay.receive(from, cell)
      const seconds = (performance.now() - start) / 1_000
      if (passed !== CELLS) throw new Error(`${passed} of ${CELLS} cells passed`)
      return CELLS / seconds
    }
    round()
    return median(Array.from({ length: ROUNDS }, round))
  }
  const kept = (wire: Wire, send: () => void) => () => {
    const cells: Uint8Array[] = []
    const { deliver } = wire
    wire.deliver = (packet) => cells.push(packet)
    for (let i = 0; i < CELLS; i++) send()
    wire.deliver = deliver
    return cells
  }
  const count = () => {
    passed++
  }
  const origin = ip('198.51.100.1')
  const makeForward = kept(wires.ownerToRelay, () => circuit.sendDatagram(origin, PAYLOAD))
  const makeBackward = kept(wires.exitToRelay, () => exitCircuit.sendDatagram(origin, PAYLOAD))
  wires.relayToExit.deliver = count
  const forward = rate(makeForward, wires.relayToOwner)
  wires.relayToOwner.deliver = count
  const backward = rate(makeBackward, wires.relayToExit)
  const bare = bareAead()
  circuit.destroy('unneeded')
  relay.stop()
  exit.stop()
  const against = { name: 'opening as many cells with sodium-native alone', value: bare }
  return {
    title: `One router, cells of ${PAYLOAD.length} bytes, one thread, no sockets`,
    figures: [
      { what: against.name, value: bare, unit: 'cells/s' },
      { what: 'forward (takes a layer off)', value: forward, unit: 'cells/s', against },
      { what: 'backward (adds a layer)', value: backward, unit: 'cells/s', against },
    ],
  }
}

function bareAead(): number {
  const key = new Uint8Array(32)
  const nonce = new Uint8Array(12)
  const plaintext = new Uint8Array(1_390)
  const cells = Array.from({ length: CELLS }, () => {
    const sealed = new Uint8Array(plaintext.length + 16)
    sodiumAead.seal(sealed, plaintext, nonce, key)
    return sealed
  })
  const start = performance.now()
  for (const cell of cells) sodiumAead.open(cell.subarray(0, -16), cell, nonce, key)
  return CELLS / ((performance.now() - start) / 1_000)
}
