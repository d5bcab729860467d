import { createCipheriv, createHash } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { fromHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { PublicKey } from '../../shared/identity/keys.ts'
import type { Link } from '../../shared/link/link.ts'
import type { Circuit } from '../../shared/onion/circuit.ts'
import { StreamClient } from '../../shared/stream/stream-client.ts'
import { Recorder } from '../exit/exit.fixture.ts'
import { UdpLinks } from '../links/udp.ts'
import { clock, openPageLink, random, TestOwner } from '../relay.fixture.ts'
import { answerCalls, inheritedFd } from './remote.ts'

/**
 * A client as the page is one, by WebSocket, and the TCP server in the open that it fetches from: see `remote.ts`. The server
 * answers a line with a count with so many bytes of a known stream.
 */

export interface HopSpec {
  readonly publicKey: string
  readonly host: string
  readonly port: number
}
export interface BuildReport {
  /** `ready`, or why it closed. */
  readonly state: string
  readonly ms: number
}
export interface DownloadReport {
  readonly bytes: number
  /** Whether every byte came, and as it was sent. */
  readonly whole: boolean
  readonly ms: number
  /** Why the stream ended: `orderly`, or what went wrong. */
  readonly end: string
}

const BLOCK_BYTES = 65_536

/** `bytes` of the same pseudo-random stream each time. */
function* knownBytes(bytes: number): Generator<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16))
  for (let left = bytes; left > 0; left -= BLOCK_BYTES) {
    yield cipher.update(Buffer.alloc(Math.min(left, BLOCK_BYTES)))
  }
}

function hashOf(chunks: Iterable<Uint8Array>): string {
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

function serve(socket: Socket): void {
  // The peer may go whenever it likes.
  socket.on('error', () => socket.destroy())
  socket.once('data', (line) => {
    pipeline(Readable.from(knownBytes(Number(line.toString()))), socket).catch(() => socket.destroy())
  })
}

const CONNECT_TRIES = 5

/** One link to the entry, and the circuit on it. */
class Session {
  private readonly owner = new TestOwner()
  private readonly link: Link
  private circuit: Circuit | undefined
  private streams: StreamClient | undefined

  /** By WebSocket, as a page comes; which tries again, since TCP may take longer here than a key's proof may. */
  static async byWebSocket(url: string, entryKey: string): Promise<Session> {
    for (let triesLeft = CONNECT_TRIES - 1; ; triesLeft--) {
      const owner = new TestOwner()
      try {
        return new Session(owner, await openPageLink(url, keyOf(entryKey), owner))
      } catch (error) {
        if (triesLeft === 0) throw error
      }
    }
  }

  /** By UDP, as relays come. */
  static async byUdp(entry: IpAddress): Promise<Session> {
    const owner = new TestOwner()
    const { onPacket, counters } = owner
    const links = await UdpLinks.bind('0.0.0.0', 0, { clock, random, counters, onPacket })
    const link = links.linkTo(entry)
    if (!link) throw new CulvertError('netns-client', 'there can be no link to the entry')
    return new Session(owner, link)
  }

  private constructor(owner: TestOwner, link: Link) {
    this.owner = owner
    this.link = link
  }

  async build(path: readonly HopSpec[], limitMs: number): Promise<BuildReport> {
    const hops = path.map(({ publicKey, host, port }, i) => ({
      publicKey: keyOf(publicKey),
      address: addressOf(host, port) as IpAddress,
      name: String(i),
      culvert: true,
    }))
    const start = performance.now()
    const timer = clock.after(limitMs, () => this.owner.circuit?.destroy('unneeded'))
    const circuit = await this.owner.build(this.link, hops)
    timer.cancel()
    const ms = performance.now() - start
    this.circuit = circuit
    const streams = new StreamClient({
      clock,
      random,
      counters: this.owner.counters,
      send: (destination, packet) => circuit.sendStream(destination, packet),
    })
    this.streams = streams
    this.owner.onStream = (destination, packet) => streams.receive(destination, packet)
    this.owner.onReset = (destination, id, reason) => streams.reset(destination, id, reason)
    return { state: this.state, ms }
  }

  async download(host: string, port: number, bytes: number): Promise<DownloadReport> {
    if (!this.streams) throw new CulvertError('netns-client', 'there is no circuit')
    const start = performance.now()
    const events = new Recorder()
    const stream = this.streams.open(addressOf(host, port), events)
    stream.write(new TextEncoder().encode(`${bytes}\n`))
    await Promise.race([
      events.until(() => events.said.includes('ended') || events.end !== undefined),
      this.owner.until(() => this.owner.closedFor !== undefined).then(() => this.streams?.circuitClosed()),
    ])
    const ms = performance.now() - start
    stream.end()
    const whole = events.bytes === bytes && hashOf(events.chunks) === hashOf(knownBytes(bytes))
    return { bytes: events.bytes, whole, ms, end: events.end ?? 'orderly' }
  }

  /** Of the circuit: `ready`, or why it closed. */
  get state(): string {
    return this.owner.closedFor ?? this.circuit?.state ?? 'none'
  }

  discard(): void {
    this.streams?.circuitClosed()
    this.circuit?.destroy('unneeded')
  }
}

const keyOf = (hex: string) => PublicKey.parse(fromHex(hex))

const sessions: Session[] = []
function at(index: number): Session {
  const session = sessions[index]
  if (!session) throw new CulvertError('netns-client', `there is no session ${index}`)
  return session
}

answerCalls({
  serve: () => new Promise<void>((done) => createServer(serve).listen({ fd: inheritedFd(0) }, done)),
  /** @returns the session's index */
  connectByWebSocket: async (url: string, entryKey: string) =>
    sessions.push(await Session.byWebSocket(url, entryKey)) - 1,
  /** @returns the session's index */
  connectByUdp: async (host: string, port: number) =>
    sessions.push(await Session.byUdp(addressOf(host, port) as IpAddress)) - 1,
  build: (index: number, path: readonly HopSpec[], limitMs: number) => at(index).build(path, limitMs),
  download: (index: number, host: string, port: number, bytes: number) =>
    at(index).download(host, port, bytes),
  state: (index: number) => at(index).state,
  discard: (index: number) => at(index).discard(),
})
