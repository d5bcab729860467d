import { CulvertError } from '../../shared/bytes/error.ts'
import type { NetworkStatus } from '../../shared/client/network-options.ts'
import type { Circuit } from '../../shared/onion/circuit.ts'
import type { Hops } from '../../shared/path/select.ts'
import { Counters } from '../../shared/world/counters.ts'
import { loadConfig, type RelayConfig } from '../config.ts'
import { loadGeo } from '../geo/load-geo.ts'
import { createLog } from '../log.ts'
import { loadNativeCrypto } from '../native-crypto.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { PROBE } from './constants.ts'
import { GuardFile } from './guard-file.ts'
import { OverlayClient } from './overlay-client.ts'
import { SpeedTest } from './speed-test.ts'

/**
 * Joins the overlay as a client, builds one circuit and measures it. Its guards are those of the runs before.
 * @returns what was found, in words: no address, no key
 * @throws CulvertError `geo-file-missing`, `geo-file-damaged`, or `probe-no-circuit` if there is none within a minute
 */
export async function probe(config: RelayConfig, hops: Hops): Promise<string[]> {
  const clock = new NodeClock()
  const random = new NodeRandom()
  const counters = new Counters()
  const loaded = await loadGeo(config.geo)
  const log = createLog('error')
  const aead = await loadNativeCrypto(log)
  const guardStore = new GuardFile(config.state, config.network)
  const client = await OverlayClient.start({
    config,
    hops,
    clock,
    random,
    counters,
    aead,
    geo: loaded?.geo,
    guardStore,
    standbys: 0,
  })
  try {
    const startMs = clock.now()
    let test: SpeedTest | undefined
    const circuit = await firstCircuit(client, hops, clock, (identifier, data) =>
      test?.tested(identifier, data),
    )
    const builtMs = clock.now() - startMs
    test = new SpeedTest(circuit, clock)
    const result = await test.run()
    const words = [
      `joined with ${client.walker.status.peers} peers, ${client.network.relays().length} possible hops known`,
      `circuit of ${hops} ${hops === 1 ? 'hop' : 'hops'} ready after ${Math.round(builtMs)} ms`,
      ...circuit.hops.map((hop, i) => {
        const latency = hop.latencyMs === undefined ? 'no latency known' : `${Math.round(hop.latencyMs)} ms`
        return `  hop ${i + 1}: ${hop.name || 'a relay without a name'}, ${latency}`
      }),
      result.bytesPerSecond === 0
        ? 'speed test: no answer (a stock peer answers only if it offers speed tests)'
        : `speed test: ${(result.bytesPerSecond / 1e6).toFixed(2)} MB/s from the last hop, ${(100 * result.lost).toFixed(1)} % lost`,
    ]
    circuit.destroy('unneeded')
    return words
  } finally {
    await client.stop()
    await guardStore.saved().catch((error: NodeJS.ErrnoException) => {
      log.error(`the guards cannot be kept in ${config.state} (${error.code ?? error.message})`)
    })
  }
}

/** Why there is no circuit, in words. */
export function whyNone({
  relays,
  minRelays,
  problem,
}: Pick<NetworkStatus, 'relays' | 'minRelays' | 'problem'>): string {
  if (relays === 0) return 'no relay is known'
  if (relays < minRelays) return `${relays} of the ${minRelays} relays are known that minRelays asks for`
  return problem ?? 'none was ready in time'
}

/** Tries until one is ready: relays become known meanwhile, and some do not answer. */
function firstCircuit(
  client: OverlayClient,
  hops: Hops,
  clock: NodeClock,
  tested: (identifier: number, data: Uint8Array) => void,
): Promise<Circuit> {
  return new Promise((resolve, reject) => {
    let over = false
    const timer = clock.after(PROBE.circuitMs, () => {
      over = true
      const why = whyNone(client.network.status())
      reject(new CulvertError('probe-no-circuit', `no circuit of ${hops} hops within a minute: ${why}`))
    })
    const attempt = () => {
      if (over) return
      const circuit = client.network.buildCircuit({
        hops,
        events: {
          ready: (ready) => {
            over = true
            timer.cancel()
            resolve(ready)
          },
          tested: (_, identifier, data) => tested(identifier, data),
          closed: () => clock.after(250, attempt),
        },
      })
      if (!circuit) clock.after(250, attempt)
    }
    attempt()
  })
}

/** The command: prints what was found. */
export async function runProbe(configPath: string, hops: Hops): Promise<void> {
  for (const line of await probe(await loadConfig(configPath), hops)) process.stdout.write(`${line}\n`)
}
