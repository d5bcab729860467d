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

const owner = new TestOwner()
let link: Link | undefined
let kept: { readonly circuit: Circuit; readonly streams: StreamClient } | undefined

async function build(path: readonly HopSpec[], limitMs: number): Promise<BuildReport> {
  if (!link) throw new CulvertError('netns-client', 'no link')
  const hops = path.map(({ publicKey, host, port }, i) => ({
    publicKey: PublicKey.parse(fromHex(publicKey)),
    address: addressOf(host, port) as IpAddress,
    name: String(i),
    culvert: true,
  }))
  const start = performance.now()
  const timer = clock.after(limitMs, () => owner.circuit?.destroy('unneeded'))
  const circuit = await owner.build(link, hops)
  timer.cancel()
  const ms = performance.now() - start
  const { state } = circuit
  if (state === 'ready') keep(circuit)
  return { state: owner.closedFor ?? state, ms }
}

function keep(circuit: Circuit): void {
  const streams = new StreamClient({
    clock,
    random,
    counters: owner.counters,
    send: (destination, packet) => circuit.sendStream(destination, packet),
  })
  owner.onStream = (destination, packet) => streams.receive(destination, packet)
  owner.onReset = (destination, id, reason) => streams.reset(destination, id, reason)
  kept = { circuit, streams }
}

async function download(host: string, port: number, bytes: number): Promise<DownloadReport> {
  if (!kept) throw new CulvertError('netns-client', 'no circuit')
  const start = performance.now()
  const events = new Recorder()
  const stream = kept.streams.open(addressOf(host, port), events)
  stream.write(new TextEncoder().encode(`${bytes}\n`))
  await events.until(() => events.said.includes('ended') || events.end !== undefined)
  const ms = performance.now() - start
  stream.end()
  const whole = events.bytes === bytes && hashOf(events.chunks) === hashOf(knownBytes(bytes))
  return { bytes: events.bytes, whole, ms, end: events.end ?? 'orderly' }
}

answerCalls({
  serve: () => new Promise<void>((done) => createServer(serve).listen({ fd: inheritedFd(0) }, done)),
  async connect(url: string, publicKey: string) {
    link = await openPageLink(url, PublicKey.parse(fromHex(publicKey)), owner)
  },
  build,
  download,
  /** Whether the circuit still serves, and if not, why. */
  circuit: () => owner.closedFor ?? kept?.circuit.state ?? 'none',
  discard() {
    kept?.streams.circuitClosed()
    kept?.circuit.destroy('unneeded')
    kept = undefined
  },
  counters: () => owner.counters.snapshot(),
})
