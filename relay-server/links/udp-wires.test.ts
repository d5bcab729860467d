import { addressOf } from '../../shared/bytes/address.ts'
import { concat } from '../../shared/bytes/bytes.ts'
import { isControl, pingPacket } from '../../shared/link/control.ts'
import { ControlSeal, DATAGRAM_KINDS, handshakePacket } from '../../shared/link/datagram-messages.ts'
import { type LinkWire, linkSuite } from '../../shared/link/link-suite.fixture.ts'
import { UdpLinks } from './udp.ts'
import { UdpWires } from './udp-wires.ts'
import { HOST, linkWireOf, mayReach, random, TestEnd, until } from './wires.fixture.ts'

/** One relay's socket and the wires over it, put together as a relay does. */
async function end() {
  const own = new TestEnd()
  const udp = await UdpLinks.bind(HOST, 0, {
    ...own.identity,
    onPacket: (link, packet) => {
      if (isControl(packet)) wires.receive(link, packet)
      else wires.deliver(link, packet)
    },
    onClosed: (link) => wires.lost(link),
  })
  const wires: UdpWires = new UdpWires({ ...own.identity, udp, mayReach: mayReach(true), onWire: own.onWire })
  return { own, udp, wires }
}

async function udpWire(): Promise<LinkWire> {
  const [left, right] = [await end(), await end()]
  const { port } = right.udp.address
  const address = { kind: 'udp' as const, at: addressOf(HOST, port) }
  left.own.onWire(await left.wires.dial({ address, publicKey: right.own.publicKey }))
  await until(() => right.own.wires.length === 1)
  const way = left.udp.linkTo(address.at)
  return {
    ...linkWireOf(left.own, right.own),
    loseSome: () => {
      const { socket } = left.udp as unknown as { socket: { send: (...args: unknown[]) => void } }
      const send = socket.send.bind(socket)
      let count = 0
      socket.send = (...args) => {
        if (count++ % 3 > 0) send(...args)
      }
    },
    injectToRight: (bytes) => way?.send(bytes.slice(), 0),
    stop: async () => {
      for (const { udp, wires } of [left, right]) {
        wires.stop()
        await udp.close()
      }
    },
  }
}

const session = random.bytes(16)
const foreign = new ControlSeal(random.bytes(32), session, true)

linkSuite(
  'authenticated wire over UDP (L-01, L-03)',
  {
    reliable: false,
    tellsClose: true,
    // Whoever can forge an address can send these.
    ignoresHostile: true,
    hostile: {
      'control that nobody sealed': pingPacket(1),
      'control that another sealed': foreign.seal(DATAGRAM_KINDS.control, pingPacket(1)),
      'an end that another sealed': foreign.seal(DATAGRAM_KINDS.close, Uint8Array.of(1)),
      'a handshake that is none': handshakePacket(session, new Uint8Array(200)),
      'control cut short': pingPacket(1).subarray(0, 24),
      'control of an unknown kind': concat(pingPacket(1).subarray(0, 22), Uint8Array.of(200)),
    },
    ordeals: ['loss'],
  },
  udpWire,
)
