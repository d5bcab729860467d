import { z } from 'zod'
import { BROKER_LIMITS } from '../shared/link/bridge-limits.ts'
import { formatLinkAddress, readLinkAddress } from '../shared/link/link-address.ts'
import { COVER_BUDGET } from '../shared/link/padding.ts'
import { endpoint, group, ipAddress, many, udpPort } from './config-values.ts'
import { TCP_LIMITS, TCP_LINK_PORT } from './links/constants.ts'
import { TOR_LINK_PORT, TOR_SOCKS } from './links/tor-constants.ts'
import { WEBRTC_LIMITS } from './links/webrtc-constants.ts'

/**
 * The group `links` of the configuration: how many links to other relays are kept, which are kept first, what they may carry, and
 * for each kind of link whether it is used and how.
 */

const seconds = (value: number) => z.number().min(0.1).max(86_400).default(value)
const priority = (value: number) => z.int().min(0).max(10).default(value)
const bytes = z.int().min(1)

/** Which relays' links are kept when there is no room for all (L-05). */
const priorities = group({
  firstRing: priority(10),
  trusted: priority(8),
  verified: priority(6),
  discovered: priority(4),
  untrusted: priority(2),
})

/** What all links of the relay together may send in a second, and carry both ways in a month; without a key, there is no limit (L-08). */
const bandwidth = group({
  bytesPerSecond: bytes.min(10_000).optional(),
  burstBytes: bytes.min(65_536).optional(),
  bytesPerMonth: bytes.min(1_000_000).optional(),
})

/** An IPv4 or IPv6 address, or a name. */
const hostName = z
  .string()
  .refine(
    (text) => readLinkAddress(`tcp://${text.includes(':') ? `[${text}]` : text}:1`) !== undefined,
    'should be an IPv4 or IPv6 address or a name',
  )

/** A relay that the operator names: its key, and where it is; more addresses come from its descriptor. */
const relay = z.strictObject({
  key: z
    .string()
    .regex(
      /^4c69624e61434c504b3a[0-9a-f]{128}$/,
      'should be the public key of a relay, 148 hexadecimal digits',
    ),
  addresses: z
    .array(
      z
        .string()
        .refine(
          (text) => readLinkAddress(text) !== undefined,
          'should be an address such as tcp://198.51.100.20:6667 or wss://relay.example.org/relay',
        ),
    )
    .max(8)
    .default([]),
})

type Relay = z.infer<typeof relay>

const udp = group({
  enabled: z.boolean().default(true),
})

const tcp = group({
  enabled: z.boolean().default(true),
  host: ipAddress.optional(),
  port: udpPort.default(TCP_LINK_PORT),
  publicHost: hostName.optional(),
  publicPort: z.int().min(1).max(65_535).optional(),
  limits: group({
    connections: many(TCP_LIMITS.connections),
    connectionsPerAddress: many(TCP_LIMITS.connectionsPerAddress),
  }),
})

/** PEM files of the operator's, for TCP links and the gateway; without them the relay makes its own. */
const tls = group({
  certificate: z.string().min(1).optional(),
  key: z.string().min(1).optional(),
}).refine(
  ({ certificate, key }) => (certificate === undefined) === (key === undefined),
  'needs both certificate and key, or neither',
)

const websocket = group({
  enabled: z.boolean().default(true),
})

/** `<56 characters>.onion:port`, as the operator made it. */
const onionEndpoint = z
  .string()
  .refine((text) => readLinkAddress(`tor://${text}`) !== undefined, 'should be <56 characters>.onion:port')

const tor = group({
  enabled: z.boolean().default(false),
  socks: endpoint.default(TOR_SOCKS),
  control: endpoint.optional(),
  controlPassword: z
    .string()
    .regex(/^[ -~]{1,256}$/, 'should be up to 256 signs of ASCII')
    .optional(),
  port: z.int().min(1).max(65_535).default(TOR_LINK_PORT),
  onion: onionEndpoint.optional(),
  listen: endpoint.optional(),
  gateway: z.boolean().default(false),
  gatewayListen: endpoint.optional(),
})
  .refine(
    ({ onion, listen }) => onion === undefined || listen !== undefined,
    'onion needs listen: the address that your HiddenServicePort leads to',
  )
  .refine(
    ({ onion, gateway, gatewayListen }) => onion === undefined || !gateway || gatewayListen !== undefined,
    'gateway of an onion service that you made needs gatewayListen',
  )

/** The WebSocket URL of a relay: of the one that signals. */
const websocketUrl = z
  .string()
  .refine(
    (text) => readLinkAddress(text)?.kind === 'websocket',
    'should be an address such as wss://relay.example.org/relay',
  )

const webrtc = group({
  enabled: z.boolean().default(true),
  signal: z.boolean().default(true),
  signallers: z.array(websocketUrl).max(4).default([]),
  stun: z.boolean().default(true),
  host: ipAddress.optional(),
  privateAddresses: z.boolean().default(false),
  limits: group({
    connections: many(WEBRTC_LIMITS.connections),
    opening: many(WEBRTC_LIMITS.opening),
  }),
})

/** Pages that pass others on, brought together with those at POST /bridge of the gateway. */
const bridge = group({
  enabled: z.boolean().default(true),
  limits: group({
    volunteers: many(BROKER_LIMITS.volunteers),
    asksPerMinute: many(BROKER_LIMITS.asksPerMinute),
    asksPerMinutePerAddress: many(BROKER_LIMITS.asksPerMinutePerAddress),
  }),
})

/** Size classes of messages, and cover traffic: bytes that say nothing, against who watches links (L-09). */
const padding = group({
  classes: z.boolean().default(true),
  cover: group({
    bytesPerSecond: z.int().min(0).max(100_000_000).default(COVER_BUDGET.bytesPerSecond),
    totalBytesPerSecond: z.int().min(1).max(1_000_000_000).default(COVER_BUDGET.totalBytesPerSecond),
    share: z.number().min(0).max(10).default(COVER_BUDGET.share),
  }),
})

/** Relays that signal are named with their keys, so that nobody else can say that he is one of them. */
function haveKeys({ webrtc, firstRing }: { webrtc: { signallers: string[] }; firstRing: Relay[] }): boolean {
  const named = new Set(firstRing.flatMap(({ addresses }) => addresses.map(canonical)))
  return webrtc.signallers.every((url) => named.has(canonical(url)))
}

function canonical(text: string): string | undefined {
  const address = readLinkAddress(text)
  return address && formatLinkAddress(address)
}

export const links = group({
  max: z.int().min(1).max(1_000).default(10),
  min: z.int().min(0).max(1_000).default(3),
  connectSeconds: seconds(30),
  heartbeatSeconds: seconds(60),
  reconnectSeconds: seconds(30),
  tries: z.int().min(1).max(100).default(3),
  retrySeconds: seconds(30),
  rotationHours: z.number().min(0).max(8_760).default(24),
  firstRing: z.array(relay).max(100).default([]),
  priorities,
  bandwidth,
  udp,
  tcp,
  tls,
  websocket,
  tor,
  webrtc,
  bridge,
  padding,
})
  .refine(({ min, max }) => min <= max, 'min should be at most max')
  .refine(haveKeys, {
    path: ['webrtc', 'signallers'],
    message: 'each URL should be among the addresses of a relay in links.firstRing, which gives its key',
  })
