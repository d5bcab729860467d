import { readFile } from 'node:fs/promises'
import { type Address, addressOf } from '../shared/bytes/address.ts'
import { toHex } from '../shared/bytes/bytes.ts'
import { CulvertError } from '../shared/bytes/error.ts'
import type { KeyPair } from '../shared/identity/keys.ts'
import type { Wire } from '../shared/link/wire.ts'
import type { WireIdentity } from '../shared/link/wire-session.ts'
import type { Clock } from '../shared/world/clock.ts'
import type { Counters } from '../shared/world/counters.ts'
import type { Random } from '../shared/world/random.ts'
import type { OverlayState, SiteDocument } from '../web/engine/site-document.ts'
import { minRelaysOf, type RelayConfig } from './config.ts'
import { fileFault } from './file-fault.ts'
import type { AskBridge } from './gateway/bridge-door.ts'
import { RELAY_PATH } from './gateway/constants.ts'
import { Gateway } from './gateway/gateway.ts'
import type { Certificates } from './links/certificates.ts'

/** Where the sample's torrent file is served. */
const SAMPLE_PATH = '/sample.torrent'
/** Where the table of countries and networks is served, whole, so that nobody is told which address is looked up. */
const GEO_PATH = '/geo.bin'

export interface PageGatewayOptions {
  readonly config: RelayConfig
  readonly keyPair: KeyPair
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  readonly geoTable?: Uint8Array | undefined
  /** What the links of pages keep to. */
  readonly linkOptions?: WireIdentity['linkOptions']
  /** Needed for `gateway.tls`. */
  readonly certificates?: Certificates | undefined
}

export interface PageGatewayEvents {
  /** How the relay stands in the overlay now. */
  overlay(): OverlayState
  /** The address by which this relay is reached through another that signals, if it is. */
  webrtc(): string | undefined
  /** What GET /status.json answers. */
  status(): unknown
  /** A page that can open no link asks for one that passes it on; none are answered without. */
  readonly askBridge?: AskBridge | undefined
  /** A page, or another relay, has come in and proved its key. */
  onWire(wire: Wire): void
}

export interface StartedGateway {
  readonly gateway: Gateway
  /** What it listens on. */
  readonly address: Address
}

/**
 * Starts the gateway that the configuration asks for, on the first free one of its ports.
 * @returns undefined if none is asked for
 * @throws CulvertError `sample-unreadable`, `gateway-...`, `web-root-...`
 */
export async function startGateway(
  options: PageGatewayOptions,
  events: PageGatewayEvents,
): Promise<StartedGateway | undefined> {
  const { config, keyPair, clock, random, counters } = options
  const { enabled, host, portTries, webRoot, limits } = config.gateway
  if (!enabled) return undefined
  const document = siteDocument(config, keyPair)
  const moreFiles = new Map<string, Uint8Array>()
  if (config.sample) moreFiles.set(SAMPLE_PATH, await readSample(config.sample.torrent))
  if (options.geoTable) moreFiles.set(GEO_PATH, options.geoTable)
  for (let port = config.gateway.port; ; port++) {
    const gateway = new Gateway({
      host,
      port,
      ...(webRoot ? { webRoot } : {}),
      moreFiles,
      limits,
      linkOptions: options.linkOptions,
      certificates: config.gateway.tls ? options.certificates : undefined,
      localPagesOnly: config.lab,
      document: (): SiteDocument => {
        const webrtc = events.webrtc()
        const entry = { ...document.entry, ...(webrtc && { ways: [webrtc] }) }
        return { ...document, entry, overlay: events.overlay() }
      },
      keyPair,
      network: config.network,
      clock,
      random,
      counters,
      ...events,
    })
    try {
      const bound = await gateway.start()
      return { gateway, address: addressOf(host, bound.port) }
    } catch (error) {
      const busy = error instanceof CulvertError && error.code === 'gateway-port-busy'
      if (!busy || port + 1 >= config.gateway.port + portTries) throw error
    }
  }
}

async function readSample(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new CulvertError(
      'sample-unreadable',
      `${path} cannot be read: ${fileFault(cause)}; correct sample.torrent, or leave sample out`,
      { cause },
    )
  }
}

function siteDocument(config: RelayConfig, keyPair: KeyPair): Omit<SiteDocument, 'overlay'> {
  const { network, community, lab, networkPrefixBits, dht, sample } = config
  return {
    network,
    community,
    lab,
    entry: { publicKey: toHex(keyPair.publicKey.bytes), websocket: RELAY_PATH },
    networkPrefixBits,
    dht,
    relayTrackers: config.discovery.trackers,
    minRelays: minRelaysOf(config),
    sample: sample && { ...sample, torrent: SAMPLE_PATH },
  }
}
