import { WebSocket } from 'ws'
import { sodiumAead } from '../relay-server/crypto/sodium-aead.ts'
import type { Lab } from '../relay-server/lab/lab.ts'
import { NodeClock } from '../relay-server/node-clock.ts'
import { NodeRandom } from '../relay-server/node-random.ts'
import type { Address } from '../shared/bytes/address.ts'
import { PrivateNetwork } from '../shared/client/private-network.ts'
import type { Hops } from '../shared/path/select.ts'
import { Counters } from '../shared/world/counters.ts'
import { PageLinks } from '../web/engine/page-links.ts'
import { readSiteDocument } from '../web/engine/site-document.ts'
import { siteNetwork } from '../web/engine/site-network.ts'

/** The page's client in a Node process: the same machines and the same link, without a browser around them. */
export interface NodeClient {
  readonly network: PrivateNetwork
  readonly counters: Counters
  /** Resolves with milliseconds from now until a circuit of `hops` hops serves. */
  ready(): Promise<number>
  stop(): void
}

export async function startNodeClient(lab: Lab, hops: Hops): Promise<NodeClient> {
  const site = readSiteDocument(await (await fetch(new URL('/culvert.json', lab.url))).json())
  const clock = new NodeClock()
  const random = new NodeRandom()
  const counters = new Counters()
  const waiting: (() => void)[] = []
  const webSocket = WebSocket as unknown as typeof globalThis.WebSocket
  const links = new PageLinks({ clock, random, counters, network: site.network, lab: site.lab, webSocket })
  const network = new PrivateNetwork({
    ...siteNetwork(site, lab.url, links, { clock, random, aead: sodiumAead, counters }),
    hops,
    changed: () => undefined,
    primaryChanged: () => {
      for (const each of waiting.splice(0)) each()
    },
  })
  links.attach(network)
  const hasPrimary = () => network.status().primary?.path.length === network.status().hops
  return {
    network,
    counters,
    ready: async () => {
      const start = performance.now()
      while (!hasPrimary()) await new Promise<void>((resolve) => waiting.push(resolve))
      return performance.now() - start
    },
    stop: () => network.stop(),
  }
}

/** Fetches `bytes` from a byte source over the client's tunnel. @returns bytes per second, first byte to last */
export function download(client: NodeClient, source: Address, bytes: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let got = 0
    let start = 0
    const stream = client.network.connect(source, {
      opened: () => {
        start = performance.now()
      },
      data: (chunk) => {
        got += chunk.length
      },
      drained: () => undefined,
      ended: () => {
        const seconds = (performance.now() - start) / 1_000
        stream.end()
        if (got === bytes) resolve(bytes / seconds)
        else reject(new Error(`${got} of ${bytes} bytes came`))
      },
      closed: (reason) => reject(new Error(`the stream closed: ${reason ?? 'no reason'}`)),
    })
    stream.write(new TextEncoder().encode(`${bytes}\n`))
  })
}
