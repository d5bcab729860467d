import { afterEach, describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { fromHex } from '../../shared/bytes/bytes.ts'
import { signDescriptor } from '../../shared/directory/descriptor.ts'
import { Directory } from '../../shared/directory/directory.ts'
import type { Geo } from '../../shared/geo/geo.ts'
import { KeyPair, type PublicKey } from '../../shared/identity/keys.ts'
import {
  FLAG_EXIT_BITTORRENT,
  FLAG_EXIT_STREAM,
  FLAG_RELAY,
  FLAG_SPEED_TEST,
} from '../../shared/ipv8/constants.ts'
import { prefixOf } from '../../shared/ipv8/packet.ts'
import type { ExitCircuit, ExitPort } from '../../shared/onion/exit-port.ts'
import { Router } from '../../shared/onion/router.ts'
import { TrustBook } from '../../shared/trust/trust-book.ts'
import { Counters } from '../../shared/world/counters.ts'
import { parseConfig } from '../config.ts'
import { Exit, type ExitOptions } from '../exit/exit.ts'
import { UdpLinks } from '../links/udp.ts'
import { loadNativeCrypto } from '../native-crypto.ts'
import { clock, random } from '../relay.fixture.ts'
import { RelayProbes } from './exit-probes.ts'

const NETWORK = 'test'
const COMMUNITY = 'a3591a6bd89bbaca0974062a1287afcfbc6fd6bc'
const PREFIX = prefixOf(fromHex(COMMUNITY))
const quiet = { error: () => undefined, info: () => undefined, debug: () => undefined }

/** Hours in seconds: one probe after the other, each as short as a busy machine allows. */
const HASTE = {
  tickMs: 40,
  freshMs: 200,
  suspiciousMs: 200,
  intervalMs: 2_000,
  perHour: 36_000,
  concurrent: 4,
  bytesPerDay: 1e9,
  exchanges: 12,
  streamChance: 1,
  leastSpanMs: 200,
  mostSpanMs: 500,
  settleMs: 2_500,
}

/** A relay of real sockets whose exit is in other hands, if need be. */
async function relay(host: string, more: Partial<ExitOptions> = {}, lies = (exit: ExitPort) => exit) {
  const keyPair = KeyPair.generate(random)
  const counters = new Counters()
  const world = { clock, random, counters }
  const exit = new Exit({
    ...world,
    prefix: PREFIX,
    tcp: true,
    bittorrent: true,
    ipv8: true,
    allowNetworks: ['127.0.0.0/8'],
    ownNetworks: () => [],
    localIpv4: host,
    ...more,
  })
  const udp = await UdpLinks.bind(host, 0, {
    ...world,
    onPacket: (link, packet) => router.receive(link, packet),
  })
  const router: Router = new Router({
    ...world,
    keyPair,
    prefix: PREFIX,
    aead: await loadNativeCrypto(quiet),
    flags: FLAG_RELAY | FLAG_SPEED_TEST | FLAG_EXIT_BITTORRENT,
    linkTo: (address) => udp.linkTo(address),
    mayExtendTo: () => true,
    exit: lies(exit),
    candidates: () => ({ relays: [], exits: [] }),
  })
  const descriptor = signDescriptor(
    {
      nickname: host,
      flags: FLAG_RELAY | FLAG_SPEED_TEST | FLAG_EXIT_BITTORRENT | FLAG_EXIT_STREAM,
      family: new Uint8Array(),
      udp: udp.address,
      websocket: undefined,
      bandwidth: 0,
      published: Math.floor(clock.wall() / 1000),
      lifetime: 3_600,
    },
    keyPair,
    NETWORK,
  )
  const stop = async () => {
    router.stop()
    exit.stop()
    await udp.close()
  }
  return { publicKey: keyPair.publicKey, address: udp.address, descriptor, stop }
}

type TestRelay = Awaited<ReturnType<typeof relay>>

/** An exit that changes the last byte but one of everything that it sends back. */
function altering(exit: ExitPort): ExitPort {
  const wrapped = new WeakMap<ExitCircuit, ExitCircuit>()
  const wrap = (circuit: ExitCircuit) => {
    const known = wrapped.get(circuit)
    if (known) return known
    const lying: ExitCircuit = {
      source: circuit.source,
      get alive() {
        return circuit.alive
      },
      get streamMessageBytes() {
        return circuit.streamMessageBytes
      },
      sendDatagram: (origin, data) => {
        const changed = data.slice()
        const at = changed.length - 2
        changed[at] = (changed[at] as number) ^ 1
        circuit.sendDatagram(origin, changed)
      },
      sendStream: (destination, packet) => circuit.sendStream(destination, packet),
      sendStreamReset: (destination, id, reason) => circuit.sendStreamReset(destination, id, reason),
    }
    wrapped.set(circuit, lying)
    return lying
  }
  return {
    datagram: (circuit, destination, data) => exit.datagram(wrap(circuit), destination, data),
    stream: (circuit, destination, packet) => exit.stream(wrap(circuit), destination, packet),
    ended: (circuit) => exit.ended(wrap(circuit)),
  }
}

/** An exit that lets datagrams pass as they are, and changes a byte of each uTP packet of a stream that has content. */
function alteringStreams(exit: ExitPort): ExitPort {
  return {
    ...passing(exit),
    stream: (circuit, destination, packet) => {
      const changed = packet.slice()
      const at = changed.length - 2
      if (changed.length > 200) changed[at] = (changed[at] as number) ^ 1
      exit.stream(circuit, destination, changed)
    },
  }
}

function passing(exit: ExitPort): ExitPort {
  return {
    datagram: (circuit, destination, data) => exit.datagram(circuit, destination, data),
    stream: (circuit, destination, packet) => exit.stream(circuit, destination, packet),
    ended: (circuit) => exit.ended(circuit),
  }
}

/** One of us, on a socket like a relay's own, who probes these relays. */
async function prober(host: string, relays: readonly TestRelay[], geo?: Geo) {
  const counters = new Counters()
  const world = { clock, random, counters }
  const book = new TrustBook({ clock })
  const directory = new Directory({ network: NETWORK, clock, counters })
  for (const each of relays) {
    directory.add(each.descriptor)
    directory.markProven(each.publicKey.mid, each.address)
  }
  let probes: RelayProbes | undefined
  const udp = await UdpLinks.bind(host, 0, {
    ...world,
    onPacket: () => undefined,
    onDatagram: (from: IpAddress, datagram) => probes?.receive(from, datagram),
  })
  probes = await RelayProbes.start({
    ...world,
    config: parseConfig(JSON.stringify({ lab: true, networkPrefixBits: 32, udp: { host } }), 'test'),
    aead: await loadNativeCrypto(quiet),
    directory,
    book,
    geo,
    port: udp.address.port,
    publicAddresses: () => [udp.address],
    send: (to, datagram) => udp.sendTo(to, datagram),
    mayReach: () => true,
    ask: (_, done) => done(true),
    settings: HASTE,
  })
  const running = probes
  const stop = async () => {
    await running.stop()
    await udp.close()
  }
  return { book, probes, counters, stop }
}

/** Waits for something of another turn of the event loop. */
async function until(predicate: () => boolean): Promise<void> {
  while (!predicate()) await new Promise<void>((resolve) => void clock.after(20, resolve))
}

const toStop: { stop(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of toStop.splice(0).reverse()) await each.stop()
})
const started = async <T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> => {
  const it = await starting
  toStop.push(it)
  return it
}

describe('relays that lie, on real sockets (issue 4)', { timeout: 120_000 }, () => {
  const standing = (book: TrustBook, { publicKey }: { publicKey: PublicKey }) => book.verdict(publicKey.mid)

  it('are named by the probes of a relay, and honest ones are not', async () => {
    const honest = [
      await started(relay('127.0.41.1')),
      await started(relay('127.0.42.1')),
      await started(relay('127.0.43.1')),
      await started(relay('127.0.44.1')),
    ]
    const changes = await started(relay('127.0.45.1', {}, altering))
    const changesStreams = await started(relay('127.0.47.1', {}, alteringStreams))
    const elsewhere = await started(relay('127.0.46.1', { localIpv4: '127.0.99.9' }))
    const { book, counters } = await started(
      prober('127.0.40.1', [...honest, changes, changesStreams, elsewhere]),
    )
    const isNamed = (liar: TestRelay) => standing(book, liar).standing !== 'unproven'
    await until(() => isNamed(changes) && isNamed(changesStreams) && isNamed(elsewhere))
    expect(standing(book, changes).reasons).toContain('altered-data')
    expect(standing(book, changesStreams).reasons).toContain('altered-data')
    expect(standing(book, elsewhere).reasons).toContain('wrong-address')
    await until(() => counters.get('probe-carried') >= 8)
    for (const each of honest) {
      expect(standing(book, each).standing).toBe('unproven')
      expect(standing(book, each).reasons).not.toContain('dropped-data')
      expect(standing(book, each).reasons).not.toContain('altered-data')
    }
  })

  it('have their probes come from a port of their own', async () => {
    const honest = [await started(relay('127.0.41.1')), await started(relay('127.0.42.1'))]
    const { counters, probes } = await started(prober('127.0.40.1', honest))
    await until(() => counters.get('probe-carried') >= 2)
    expect(probes.status().relays).toBe(2)
    const stranger = addressOf('127.0.77.1', 5000) as IpAddress
    expect(probes.receive(stranger, random.bytes(64))).toBe(false)
  })

  it('are not probed through another of their own autonomous system', async () => {
    const oneSystem: Geo = { lookup: () => ({ as: 64_500 }), centre: () => undefined }
    const honest = [await started(relay('127.0.41.1')), await started(relay('127.0.42.1'))]
    const { counters } = await started(prober('127.0.40.1', honest, oneSystem))
    await until(() => counters.get('probe-no-path') + counters.get('probe-trials') >= 4)
    expect(counters.get('probe-trials')).toBe(0)
  })
})
