import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { get } from 'node:http'
import { Server, type Socket } from 'node:net'
import WebTorrent from 'webtorrent'
import { untilToldToStop } from '../life-cycle.ts'
import { startDhtNode } from './dht-node.ts'

/** Handed to the seeder's process as its one argument, in JSON. */
export interface SeederSettings {
  /** The address that it listens on and that the lab's tracker and DHT know it by. */
  readonly host: string
  /** Each lies in `folder`, in a folder of the torrent's name. */
  readonly torrents: readonly { readonly file: string; readonly folder: string }[]
  readonly announceUrl: string
  readonly dht: readonly string[]
  /** One line for each accepted connection: the address that it came from. */
  readonly connectionLog: string
  /** Bytes a second that it gives at most; no limit if left out. */
  readonly uploadLimit?: number
}

/** What the seeder tells its parent once it can be downloaded from. */
export interface SeederReady {
  readonly type: 'ready'
  /** `host:port` */
  readonly address: string
  readonly torrents: readonly { readonly infoHash: string; readonly magnet: string }[]
}

const ANNOUNCE_AGAIN_MS = 60_000

/**
 * An ordinary BitTorrent seeder over plain TCP, which is all that it knows of circuits: nothing. Announces to the lab's
 * tracker and DHT from its own address.
 */
export async function runSeeder(
  settings: SeederSettings,
): Promise<{ ready: SeederReady; stop(): Promise<void> }> {
  const log = createWriteStream(settings.connectionLog, { flags: 'a' })
  listenOnlyOn(settings.host, (socket) => log.write(`${socket.remoteAddress}\n`))
  const client = new WebTorrent({
    dht: false,
    tracker: false,
    lsd: false,
    natUpnp: false,
    natPmp: false,
    utp: false,
    webSeeds: false,
    seedOutgoingConnections: false,
    uploadLimit: settings.uploadLimit ?? -1,
  })
  const dht = await startDhtNode(settings.host, settings.dht)
  const torrents = await Promise.all(
    settings.torrents.map(async ({ file, folder }) => {
      const torrent = client.add(await readFile(file), { path: folder, skipVerify: true })
      await new Promise<void>((resolve) => torrent.once('done', resolve))
      return { infoHash: torrent.infoHash ?? '', magnet: torrent.magnetURI }
    }),
  )
  const { port } = client.address()
  const announce = (event: string) => {
    for (const { infoHash } of torrents) announceToTracker(settings, infoHash, client.peerId, port, event)
  }
  announce('started')
  const timer = setInterval(() => announce(''), ANNOUNCE_AGAIN_MS)
  for (const { infoHash } of torrents) dht.announce(infoHash, port)
  return {
    ready: {
      type: 'ready',
      address: `${settings.host}:${port}`,
      torrents,
    },
    async stop() {
      clearInterval(timer)
      await dht.stop()
      await new Promise<void>((resolve) => client.destroy(() => resolve()))
      await new Promise<void>((resolve) => log.end(resolve))
    },
  }
}

/** `relay-server lab-seeder <settings>`: runs until told to stop, or until the lab that started it is gone. */
export async function runSeederProcess(settings: string): Promise<void> {
  const told = untilToldToStop()
  const { ready, stop } = await runSeeder(JSON.parse(settings) as SeederSettings)
  process.send?.(ready)
  await told
  await stop()
}

/** WebTorrent listens on all addresses of a machine and cannot be told otherwise; a lab keeps to its own. */
function listenOnlyOn(host: string, onConnection: (socket: Socket) => void): void {
  const listen = Server.prototype.listen as (this: Server, ...rest: unknown[]) => Server
  Server.prototype.listen = function (this: Server, port: unknown, done: unknown) {
    this.on('connection', onConnection)
    return listen.call(this, port, host, done)
  } as typeof Server.prototype.listen
}

/** BEP 3, from the seeder's own address: the tracker takes the address that a request comes from. */
function announceToTracker(
  settings: SeederSettings,
  infoHash: string,
  peerId: string,
  port: number,
  event: string,
): void {
  const binary = (hex: string) => hex.replace(/../g, (byte) => `%${byte}`)
  const query = `info_hash=${binary(infoHash)}&peer_id=${binary(peerId)}&port=${port}&uploaded=0&downloaded=0&left=0&compact=1&event=${event}`
  get(`${settings.announceUrl}?${query}`, { localAddress: settings.host }, (response) =>
    response.resume(),
  ).on('error', () => undefined)
}
