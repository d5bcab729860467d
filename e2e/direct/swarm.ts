import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import TrackerServer from 'bittorrent-tracker/server'
import createTorrent from 'create-torrent'
import parseTorrent from 'parse-torrent'

const FILM = fileURLToPath(new URL('../../public/sample/culvert.mp4', import.meta.url))
const TRACKER_HOST = '127.0.0.71'
const SEED_HOST = '127.0.0.72'

/** A swarm that a browser can reach by itself: a tracker over WebSocket and a web seed, each on a loopback address of its own. */
export interface BrowserSwarm {
  /** `host:port` */
  readonly tracker: string
  /** `host:port` */
  readonly webSeed: string
  readonly infoHash: string
  /** Path of a .torrent file that names tracker and web seed. */
  readonly torrentFile: string
  /** Names the tracker alone. */
  readonly magnet: string
  /** Connections that either end has open at the moment. */
  openConnections(): number
  /** Ranges that the web seed was asked for. */
  rangesServed(): number
  stopWebSeed(): Promise<void>
  stop(): Promise<void>
}

export async function startBrowserSwarm(): Promise<BrowserSwarm> {
  const tracker = new TrackerServer({ udp: false, http: false, ws: true, stats: false, interval: 60_000 })
  tracker.on('warning', () => undefined)
  tracker.on('error', () => undefined)
  const trackerHttp = tracker.http
  const trackerSockets = countSockets(trackerHttp)
  tracker.listen(0, TRACKER_HOST)
  await once(trackerHttp, 'listening')

  const film = readFileSync(FILM)
  let ranges = 0
  const seed = createServer((request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*')
    response.setHeader('Access-Control-Allow-Headers', '*, range, cache-control')
    response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin')
    // A browser keeps a connection for later even when the page that opened it has gone; what is counted is the page's own.
    response.setHeader('Connection', 'close')
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    if (request.method === 'OPTIONS' || from === undefined || to === undefined) {
      response.writeHead(request.method === 'OPTIONS' ? 204 : 416).end()
      return
    }
    ranges += 1
    response.writeHead(206, { 'Content-Range': `bytes ${from}-${to}/${film.length}` })
    response.end(film.subarray(Number(from), Number(to) + 1))
  })
  const seedSockets = countSockets(seed)
  seed.listen(0, SEED_HOST)
  await once(seed, 'listening')

  const [trackerPlace, seedPlace] = [trackerHttp, seed].map((server) => {
    const { address, port } = server.address() as AddressInfo
    return `${address}:${port}`
  }) as [string, string]
  const announce = `ws://${trackerPlace}/`
  const torrent = await new Promise<Uint8Array>((resolve, reject) => {
    const options = {
      name: 'Culvert, direct.mp4',
      announceList: [[announce]],
      urlList: [`http://${seedPlace}/culvert.mp4`],
      createdBy: 'culvert tests',
      creationDate: new Date(0),
      pieceLength: 64 * 1024,
    }
    createTorrent([FILM], options, (error, bytes) => (error ? reject(error) : resolve(bytes)))
  })
  const { infoHash } = await parseTorrent(torrent)
  const folder = mkdtempSync(join(tmpdir(), 'culvert-direct-'))
  const torrentFile = join(folder, 'direct.torrent')
  writeFileSync(torrentFile, torrent)

  const stopServer = (server: Server) =>
    new Promise<void>((resolve) => {
      if (!server.listening) return resolve()
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return {
    tracker: trackerPlace,
    webSeed: seedPlace,
    infoHash,
    torrentFile,
    magnet: `magnet:?xt=urn:btih:${infoHash}&dn=Direct&tr=${encodeURIComponent(announce)}`,
    openConnections: () => trackerSockets() + seedSockets(),
    rangesServed: () => ranges,
    stopWebSeed: () => stopServer(seed),
    async stop() {
      await stopServer(seed)
      await new Promise<void>((resolve) => tracker.close(() => resolve()))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function countSockets(server: Server): () => number {
  let open = 0
  server.on('connection', (socket) => {
    open += 1
    socket.once('close', () => {
      open -= 1
    })
  })
  return () => open
}
