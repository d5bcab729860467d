import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import TrackerServer from 'bittorrent-tracker/server'

/** The lab's HTTP tracker. */
export interface LabTracker {
  /** `http://host:port/announce` */
  readonly announceUrl: string
  stop(): Promise<void>
}

const ANNOUNCE_INTERVAL_MS = 60_000

/** Starts an HTTP-only tracker on `host`, on the first free port from `port` on. */
export async function startTracker(host: string, port: number): Promise<LabTracker> {
  const server = new TrackerServer({ udp: false, ws: false, stats: false, interval: ANNOUNCE_INTERVAL_MS })
  // What clients send wrong is theirs; a lab keeps no log of it.
  server.on('warning', () => undefined)
  server.on('error', () => undefined)
  server.listen(port, host)
  await once(server.http, 'listening')
  const bound = (server.http.address() as AddressInfo).port
  return {
    announceUrl: `http://${host}:${bound}/announce`,
    stop: () =>
      new Promise((resolve) => {
        server.http.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
