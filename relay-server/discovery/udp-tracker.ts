import { createSocket, type Socket } from 'node:dgram'
import { addressOf, type IpAddress, sameAddress } from '../../shared/bytes/address.ts'
import { CodecError } from '../../shared/bytes/error.ts'
import {
  type AnnounceAnswer,
  announceDatagram,
  connectDatagram,
  MAX_UDP_ANSWER_BYTES,
  readUdpAnswer,
  type UdpTrackerAnswer,
} from '../../shared/discovery/tracker-wire.ts'
import { uint32 } from '../../shared/world/random.ts'
import { TRACKER_LIMITS } from './constants.ts'
import { TrackerError, type TrackerRequest, type TrackerWorld, untilAborted } from './tracker-request.ts'

/**
 * Announces to a UDP tracker (BEP 15), to all of its addresses: trackers give IPv4 peers over IPv4 and IPv6 peers over
 * IPv6. From a socket of its own, since the answers begin as IPv8 packets do.
 * @throws TrackerError
 */
export async function announceUdp(request: TrackerRequest, world: TrackerWorld): Promise<AnnounceAnswer> {
  const { hostname, port } = request.url
  const deadline = AbortSignal.any([world.signal, AbortSignal.timeout(TRACKER_LIMITS.timeoutMs)])
  const found = world.resolve(hostname.replace(/^\[|\]$/g, ''), Number(port || 80))
  const addresses = await untilAborted(found, deadline)
  const families = (['ipv4', 'ipv6'] as const).flatMap((kind) =>
    addresses.filter((each) => each.kind === kind).slice(0, 1),
  )
  if (families.length === 0) throw new TrackerError('tracker-address', 'the tracker has no address to ask')
  const outcomes = await Promise.allSettled(
    families.map((address) => announceAt(address, request, world, deadline)),
  )
  const answers = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const [first] = answers
  if (first === undefined) throw (outcomes[0] as PromiseRejectedResult).reason
  return { ...first, peers: answers.flatMap(({ peers }) => peers) }
}

async function announceAt(
  address: IpAddress,
  { url, announce }: TrackerRequest,
  world: TrackerWorld,
  deadline: AbortSignal,
): Promise<AnnounceAnswer> {
  const socket = createSocket(address.kind === 'ipv4' ? 'udp4' : 'udp6')
  const path = new TextEncoder().encode(url.pathname + url.search)
  try {
    const from = world.from(address.kind)
    if (from !== undefined) await bind(socket, from)
    const connected = await ask(socket, address, connectDatagram, deadline, world)
    if (connected.kind !== 'connected') throw refused()
    const { connection } = connected
    const announced = await ask(
      socket,
      address,
      (transaction) => announceDatagram(announce, connection, transaction, path),
      deadline,
      world,
    )
    if (announced.kind !== 'announced') throw refused()
    return announced.answer
  } finally {
    socket.close()
  }
}

function bind(socket: Socket, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', (cause) =>
      reject(
        new TrackerError('tracker-unreachable', `cannot send from ${host}: ${cause.message}`, { cause }),
      ),
    )
    socket.bind({ address: host, port: 0, exclusive: true }, () => {
      socket.removeAllListeners('error')
      resolve()
    })
  })
}

function refused(): TrackerError {
  return new TrackerError('tracker-refused', 'the tracker refused the announce')
}

/** Sends one question, and again while nothing comes. What is not from the tracker or answers another question is ignored. */
function ask(
  socket: Socket,
  address: IpAddress,
  question: (transaction: number) => Uint8Array,
  deadline: AbortSignal,
  { random }: TrackerWorld,
): Promise<UdpTrackerAnswer> {
  const transaction = uint32(random)
  const datagram = question(transaction)
  return new Promise((resolve, reject) => {
    const send = () => {
      try {
        socket.send(datagram, address.port, address.host, () => undefined)
      } catch (cause) {
        fail(new TrackerError('tracker-unreachable', (cause as Error).message, { cause }))
      }
    }
    let waitedMs = 0
    const timers = TRACKER_LIMITS.againMs.map((ms) => {
      waitedMs += ms
      return setTimeout(send, waitedMs)
    })
    const end = () => {
      for (const timer of timers) clearTimeout(timer)
      deadline.removeEventListener('abort', onAbort)
      socket.removeAllListeners('message').removeAllListeners('error')
      socket.on('error', () => undefined)
    }
    const fail = (error: TrackerError) => {
      end()
      reject(error)
    }
    const onAbort = () => fail(new TrackerError('tracker-timeout', 'the tracker did not answer in time'))
    socket.on('error', (cause) => fail(new TrackerError('tracker-unreachable', cause.message, { cause })))
    socket.on('message', (message, from) => {
      if (message.length > MAX_UDP_ANSWER_BYTES || !sameAddress(addressOf(from.address, from.port), address))
        return
      try {
        const answer = readUdpAnswer(new Uint8Array(message), transaction, address.kind)
        if (answer === undefined) return
        end()
        resolve(answer)
      } catch (cause) {
        if (!(cause instanceof CodecError)) throw cause
        fail(new TrackerError('tracker-answer', `the tracker's answer: ${cause.message}`, { cause }))
      }
    })
    deadline.addEventListener('abort', onAbort)
    if (deadline.aborted) onAbort()
    else send()
  })
}
