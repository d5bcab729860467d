import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addressOf, type IpAddress } from '../../shared/bytes/address.ts'
import { equalBytes } from '../../shared/bytes/bytes.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import type { UtpConnection } from '../../shared/utp/connection.ts'
import { Counters } from '../../shared/world/counters.ts'
import { TestPeer, TestTorrent } from './bittorrent.fixture.ts'
import { LibtorrentPeer } from './libtorrent.fixture.ts'
import { UtpSocket } from './utp-socket.ts'

const LENGTH = 6_000_000
const content = new SeededRandom(11).bytes(LENGTH)
const torrent = new TestTorrent('sample.bin', content)

let directory: string
let closing: (() => Promise<void>)[]

beforeEach(async () => {
  closing = []
  directory = await mkdtemp(join(tmpdir(), 'culvert-utp-'))
  await writeFile(join(directory, 'sample.torrent'), torrent.file)
  await mkdir(join(directory, 'full'))
  await mkdir(join(directory, 'empty'))
  await writeFile(join(directory, 'full', 'sample.bin'), content)
})

afterEach(async () => {
  for (const close of closing.reverse()) await close()
  await rm(directory, { recursive: true })
})

function libtorrent(which: 'full' | 'empty', peer?: IpAddress): LibtorrentPeer {
  const at = peer && `${peer.host}:${peer.port}`
  const made = new LibtorrentPeer(join(directory, 'sample.torrent'), join(directory, which), '127.0.0.12', at)
  closing.push(() => made.close())
  return made
}

/** Plays `peer` over a connection that is made with the events given to `make`. */
function play(
  content: Uint8Array | undefined,
  make: (events: Parameters<UtpSocket['connect']>[1]) => UtpConnection | undefined,
): {
  peer: TestPeer
  connection: UtpConnection
  finished: Promise<void>
  closed: Promise<string | undefined>
} {
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  let close: (reason: string | undefined) => void = () => {}
  const closed = new Promise<string | undefined>((resolve) => {
    close = resolve
  })
  const peer = new TestPeer(torrent, LENGTH, content, (bytes) => void connection.write(bytes), finish)
  const connection = make({
    opened: () => peer.shake(),
    data: (chunk) => peer.receive(chunk),
    drained: () => {},
    ended: () => connection.end(),
    closed: close,
  })!
  return { peer, connection, finished, closed }
}

describe('uTP with libtorrent (W-04, BEP 29)', () => {
  it('connects to libtorrent and fetches verified pieces', async () => {
    const seeder = libtorrent('full')
    const { port } = await seeder.event('listening')
    const counters = new Counters()
    const socket = await UtpSocket.open({ host: '127.0.0.13', port: 0, counters })
    closing.push(() => socket.close())
    const to = addressOf('127.0.0.12', port) as IpAddress
    const { peer, finished, connection } = play(undefined, (events) => socket.connect(to, events))
    await finished
    expect(peer.pieces).toBe(torrent.pieces.length)
    expect(equalBytes(peer.got, content)).toBe(true)
    expect(connection.state).toBe('open')
    expect(counters.get('utp-malformed')).toBe(0)
    connection.end()
  })

  it('is connected to by libtorrent and serves it, which verifies the pieces', async () => {
    const counters = new Counters()
    const sides: ReturnType<typeof play>[] = []
    const socket = await UtpSocket.open({
      host: '127.0.0.13',
      port: 0,
      counters,
      incoming: (request) => void sides.push(play(content, (events) => request.accept(events))),
    })
    closing.push(() => socket.close())
    const leecher = libtorrent('empty', socket.address)
    await leecher.event('finished')
    expect(sides.length).toBe(1)
    expect(counters.get('utp-malformed')).toBe(0)
    await leecher.close()
    expect([undefined, 'connection-reset']).toContain(await sides[0]!.closed)
    const fetched = await readFile(join(directory, 'empty', 'sample.bin'))
    expect(equalBytes(fetched, content)).toBe(true)
  })

  it('ends in order with libtorrent when we finish first', async () => {
    const seeder = libtorrent('full')
    const { port } = await seeder.event('listening')
    const socket = await UtpSocket.open({ host: '127.0.0.13', port: 0, counters: new Counters() })
    closing.push(() => socket.close())
    const to = addressOf('127.0.0.12', port) as IpAddress
    const { finished, closed, connection } = play(undefined, (events) => socket.connect(to, events))
    await finished
    connection.end()
    await closed
    expect(connection.state).not.toBe('open')
  })

  it('is told when nobody listens', async () => {
    const socket = await UtpSocket.open({
      host: '127.0.0.13',
      port: 0,
      counters: new Counters(),
      settings: { connectTimeoutMs: 300 },
    })
    closing.push(() => socket.close())
    const to = addressOf('127.0.0.14', 9) as IpAddress
    const { closed } = play(undefined, (events) => socket.connect(to, events))
    expect(await closed).toBe('timed-out')
  })
})
