import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { CodecError, CulvertError } from '../../shared/bytes/error.ts'
import {
  type Announce,
  announceDatagram,
  announceUrl,
  connectDatagram,
  MAX_UDP_ANSWER_BYTES,
  readHttpAnswer,
  readUdpAnswer,
  type UdpTrackerAnswer,
} from '../../shared/discovery/tracker-wire.ts'
import { shuffled, uint32 } from '../../shared/world/random.ts'
import { Candidates } from './candidates.ts'
import { NO_PORT, TRACKER_PEERS_WANTED, TRACKER_REPEATS_MS, TRACKERS } from './limits.ts'
import { aborted, askingNode, isIp, type LookupOutcome, type LookupWorld, pause } from './lookup.ts'

/** Trackers that can be asked through a circuit: there is no TLS above the tunnel. */
export const isAskable = (url: string): boolean => /^(?:udp|http):/.test(url)

/**
 * Looks for relays at trackers, from the exit. A tracker tells its peers to those alone who announce themselves: the page does,
 * with a port that nobody is asked at, and takes it back at once.
 * @param signal ends it early; what was found until then counts
 */
export async function lookUpByTrackers(
  world: LookupWorld,
  trackers: readonly string[],
  signal: AbortSignal,
): Promise<LookupOutcome> {
  const { random, counters, tunnel } = world
  const socket = tunnel.datagrams((origin, datagram) => dht.receive(origin, datagram))
  const dht = askingNode(world, socket)
  const candidates = new Candidates(dht, world)
  const peerId = random.bytes(20)
  const key = uint32(random)
  const chosen = shuffled(random, trackers.filter(isAskable)).slice(0, TRACKERS)
  try {
    const outcomes = await Promise.all(
      chosen.map(async (url) => {
        const announce = (event: Announce['event']): Announce => ({
          infoHash: world.infoHash,
          peerId,
          port: NO_PORT,
          event,
          looking: true,
          key,
          wanted: event === 'stopped' ? 0 : TRACKER_PEERS_WANTED,
        })
        const ask = url.startsWith('udp:') ? askUdp : askHttp
        try {
          candidates.add(await ask(world, url, announce, signal))
          return true
        } catch (error) {
          if (!(error instanceof CulvertError)) throw error
          counters.add('tracker-lookup-failed')
          return false
        }
      }),
    )
    await Promise.race([candidates.settled(), aborted(signal)])
    return candidates.outcome(outcomes.includes(true))
  } finally {
    dht.stop()
    socket.close()
  }
}

type Asking = (event: Announce['event']) => Announce

/** @throws CodecError of the answer, or HttpError or SocketError of the way there */
async function askHttp(
  world: LookupWorld,
  url: string,
  announce: Asking,
  signal: AbortSignal,
): Promise<readonly IpAddress[]> {
  const response = await world.fetch(announceUrl(url, announce('started'), undefined), { signal })
  const answer = readHttpAnswer(new Uint8Array(await response.arrayBuffer()))
  world.fetch(announceUrl(url, announce('stopped'), answer.trackerId), { signal }).catch(() => {
    world.counters.add('tracker-lookup-stopped-lost')
  })
  return answer.peers
}

/** @throws CodecError `tracker-refused`, `tracker-timeout`, or what is wrong with the answer */
async function askUdp(
  world: LookupWorld,
  url: string,
  announce: Asking,
  signal: AbortSignal,
): Promise<readonly IpAddress[]> {
  const questions = new UdpQuestions(world, url, signal)
  try {
    const connected = await questions.ask(connectDatagram)
    if (connected.kind !== 'connected') throw refused()
    const { connection } = connected
    const path = questions.path
    const announced = await questions.ask((transaction) =>
      announceDatagram(announce('started'), connection, transaction, path),
    )
    if (announced.kind !== 'announced') throw refused()
    questions.tell(announceDatagram(announce('stopped'), connection, uint32(world.random), path))
    return announced.answer.peers
  } finally {
    questions.close()
  }
}

function refused(): CodecError {
  return new CodecError('tracker-refused', 'the tracker refused the announce')
}

/** One tracker over UDP (BEP 15), asked again while nothing comes. */
class UdpQuestions {
  readonly path: Uint8Array
  private readonly world: LookupWorld
  private readonly signal: AbortSignal
  private readonly destination: ReturnType<typeof addressOf>
  private readonly socket: ReturnType<LookupWorld['tunnel']['datagrams']>
  private receive: (origin: IpAddress, datagram: Uint8Array) => void = () => undefined

  constructor(world: LookupWorld, url: string, signal: AbortSignal) {
    const { hostname, port, pathname, search } = new URL(url)
    this.world = world
    this.signal = signal
    this.path = new TextEncoder().encode(pathname + search)
    this.destination = addressOf(hostname.replace(/^\[|\]$/g, ''), Number(port || 80))
    this.socket = world.tunnel.datagrams((origin, datagram) => this.receive(origin, datagram))
  }

  close(): void {
    this.socket.close()
  }

  tell(datagram: Uint8Array): void {
    this.socket.send(this.destination, datagram)
  }

  /** @throws CodecError `tracker-timeout`, or what is wrong with the answer */
  async ask(question: (transaction: number) => Uint8Array): Promise<UdpTrackerAnswer> {
    const transaction = uint32(this.world.random)
    const datagram = question(transaction)
    const over = new AbortController()
    const until = AbortSignal.any([over.signal, this.signal])
    try {
      return await Promise.race([this.answerTo(transaction), this.repeat(datagram, until)])
    } finally {
      over.abort()
    }
  }

  /** Where the tracker was asked by name, its answer is known by the transaction alone. */
  private answerTo(transaction: number): Promise<UdpTrackerAnswer> {
    return new Promise((resolve, reject) => {
      this.receive = (origin, datagram) => {
        const stranger = isIp(this.destination) && origin.host !== this.destination.host
        if (stranger || origin.port !== this.destination.port || datagram.length > MAX_UDP_ANSWER_BYTES)
          return
        try {
          const answer = readUdpAnswer(datagram, transaction, origin.kind)
          if (answer) resolve(answer)
        } catch (error) {
          reject(error)
        }
      }
    })
  }

  /** Never resolves. @throws CodecError `tracker-timeout` */
  private async repeat(datagram: Uint8Array, signal: AbortSignal): Promise<never> {
    for (const ms of TRACKER_REPEATS_MS) {
      if (signal.aborted) break
      this.tell(datagram)
      await pause(this.world.clock, ms, signal)
    }
    throw new CodecError('tracker-timeout', 'the tracker did not answer in time')
  }
}
