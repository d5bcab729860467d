import { Client as DhtClient } from 'bittorrent-dht'

/** A node of the lab's own DHT. */
export interface LabDhtNode {
  /** `host:port` */
  readonly address: string
  /** Says that a peer at this node's IP address and `port` has the torrent, and says it again every few minutes. */
  announce(infoHash: string, port: number): void
  stop(): Promise<void>
}

const ANNOUNCE_AGAIN_MS = 5 * 60_000

/** Starts a node that knows `bootstrap` and nothing else: the lab's DHT has no way to the world's. */
export async function startDhtNode(host: string, bootstrap: readonly string[]): Promise<LabDhtNode> {
  const dht = new DhtClient({ bootstrap: bootstrap.length === 0 ? false : bootstrap })
  dht.on('warning', () => undefined)
  await new Promise<void>((resolve, reject) => {
    dht.once('error', reject)
    dht.listen(0, host, resolve)
  })
  const timers: NodeJS.Timeout[] = []
  return {
    address: `${host}:${dht.address().port}`,
    announce(infoHash, port) {
      const say = () => dht.announce(infoHash, port)
      say()
      timers.push(setInterval(say, ANNOUNCE_AGAIN_MS))
    },
    stop: () =>
      new Promise((resolve) => {
        for (const timer of timers) clearInterval(timer)
        dht.destroy(() => resolve())
      }),
  }
}
