import { readFile } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { addressOf } from '../shared/bytes/address.ts'
import { CulvertError } from '../shared/bytes/error.ts'
import { isWebsocketUrl } from '../shared/directory/descriptor.ts'
import { DISCOVERY_WEIGHTS } from '../shared/discovery/constants.ts'
import { ROUTER_LIMITS } from '../shared/onion/constants.ts'
import { links } from './config-links.ts'
import {
  country,
  endpoint,
  group,
  ipAddress,
  many,
  network,
  port,
  portRange,
  udpPort,
} from './config-values.ts'
import { isLoopback } from './endpoints.ts'
import * as exitDefaults from './exit/constants.ts'
import { GATEWAY_LIMITS } from './gateway/constants.ts'

/**
 * The relay's configuration file (requirement O-03): YAML, every key documented in docs/relay.md, unknown and invalid
 * keys refused with their line. Paths in it are relative to the file.
 */

const exitLimits = group({
  sockets: many(exitDefaults.MAX_SOCKETS),
  circuits: many(exitDefaults.MAX_CIRCUITS),
  streamsPerCircuit: many(exitDefaults.MAX_STREAMS_PER_CIRCUIT),
})

const gatewayLimits = group({
  connections: many(GATEWAY_LIMITS.connections),
  connectionsPerAddress: many(GATEWAY_LIMITS.connectionsPerAddress),
  opensPerSecondPerAddress: many(GATEWAY_LIMITS.opensPerSecondPerAddress),
  opensAtOncePerAddress: many(GATEWAY_LIMITS.opensAtOncePerAddress),
})

const sample = z.strictObject({
  title: z.string().min(1).max(200),
  description: z.string().max(2000),
  bytes: z.int().min(0),
  seconds: z.int().min(0),
  torrent: z.string().min(1),
})

const trackerUrl = z
  .string()
  .max(255)
  .regex(
    /^(https?|udp):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:[1-9][0-9]{0,4})?(\/[!-~]*)?$/,
    'should be a URL such as udp://tracker.example.org:6969/announce',
  )
  .refine((text) => URL.canParse(text), 'should be a URL, with a port of at most 65535')
const weight = (value: number) => z.number().min(0).max(1000).default(value)

const discovery = group({
  enabled: z.boolean().default(true),
  dht: group({
    enabled: z.boolean().default(true),
    routers: z.array(endpoint).max(32).default([]),
    defaultRouters: z.boolean().default(true),
    replication: z.int().min(1).max(20).default(20),
  }),
  trackers: z.array(trackerUrl).max(16).default([]),
  exchange: z.boolean().default(true),
  partners: z.int().min(1).max(50).default(10),
  bootstrap: z.boolean().default(true),
  weights: group({
    dht: weight(DISCOVERY_WEIGHTS.dht),
    tracker: weight(DISCOVERY_WEIGHTS.tracker),
    exchange: weight(DISCOVERY_WEIGHTS.exchange),
    bootstrap: weight(DISCOVERY_WEIGHTS.bootstrap),
  }),
  leastSeconds: z.number().min(1).max(3600).default(15),
  mostSeconds: z.number().min(1).max(86_400).default(1800),
  runSeconds: z.number().min(1).max(600).default(60),
  wantedRelays: z.int().min(1).max(1000).default(30),
})

const trust = group({
  verify: z.boolean().default(true),
  probes: z.boolean().default(true),
  threshold: z.number().min(0).max(1).default(0.7),
  classes: group({
    high: z.number().min(0).max(1).default(0.8),
    medium: z.number().min(0).max(1).default(0.5),
    low: z.number().min(0).max(1).default(0.3),
  }),
  requestsPerMinute: z.int().min(1).max(1_000).default(10),
  attempts: z.int().min(1).max(10).default(3),
  answerSeconds: z.number().min(0.1).max(60).default(5),
  timeoutSeconds: z.number().min(1).max(600).default(60),
})

const schema = z.strictObject({
  identity: z.string().min(1).default('relay.key'),
  nickname: z
    .string()
    .regex(/^[A-Za-z0-9 ._-]{1,32}$/, 'should be 1 to 32 letters, digits, spaces or . _ -')
    .default('unnamed'),
  family: z
    .string()
    .regex(/^[A-Za-z0-9._-]{0,32}$/, 'should be up to 32 letters, digits or . _ -')
    .default(''),
  contact: z
    .string()
    .regex(/^[ -~]{0,64}$/, 'should be up to 64 letters, digits, spaces or signs of ASCII')
    .default(''),
  state: z.string().min(1).default('relay-state'),
  network: z
    .string()
    .regex(/^[a-z0-9.-]{1,64}$/, 'should be 1 to 64 of a-z, 0-9, . and -')
    .default('culvert'),
  community: z
    .string()
    .regex(/^[0-9a-f]{40}$/, 'should be 40 hexadecimal digits in lower case')
    .default('a3591a6bd89bbaca0974062a1287afcfbc6fd6bc'),
  lab: z.boolean().default(false),
  logLevel: z.enum(['error', 'info', 'debug']).default('info'),
  udp: group({
    host: ipAddress.default('::'),
    port: udpPort.default(0),
    portRange: portRange.optional(),
    portMapping: z.boolean().default(true),
    publicHost: ipAddress.optional(),
  }),
  gateway: group({
    enabled: z.boolean().default(false),
    host: ipAddress.default('127.0.0.1'),
    port: port.default(8080),
    portTries: z.int().min(1).max(100).default(1),
    webRoot: z.string().min(1).optional(),
    tls: z.boolean().default(false),
    limits: gatewayLimits,
    publicUrl: z
      .string()
      .refine(isWebsocketUrl, 'should be wss://host/relay or wss://host:port/relay')
      .optional(),
  }),
  links,
  exit: group({
    enabled: z.boolean().default(false),
    tcp: z.boolean().default(true),
    http: z.boolean().optional(),
    bittorrent: z.boolean().default(true),
    ipv8: z.boolean().default(false),
    allowNetworks: z.array(network).max(64).default([]),
    localIpv4: z.ipv4().optional(),
    localIpv6: z.ipv6().optional(),
    limits: exitLimits,
  }),
  bootstrap: z.array(endpoint).max(64).default([]),
  bootstrapDefaults: z.boolean().default(true),
  minRelays: z.int().min(1).max(1000).optional(),
  exchangeSeconds: z.number().min(0.2).max(3600).default(60),
  networkPrefixBits: z.int().min(8).max(32).default(16),
  discovery,
  trust,
  geo: group({
    table: z.string().min(1).optional(),
    country: z.string().min(1).optional(),
    as: z.string().min(1).optional(),
    avoidCountries: z.array(country).max(250).default([]),
    near: z.boolean().default(false),
  }),
  admin: group({
    enabled: z.boolean().default(false),
    host: z
      .string()
      .refine((text) => isLoopback(addressOf(text, 0)), 'should be a loopback address')
      .default('127.0.0.1'),
    port: port.default(8090),
    tokenFile: z.string().min(1).default('admin.token'),
  }),
  limits: group({
    circuits: many(ROUTER_LIMITS.circuits),
    circuitsPerLink: many(ROUTER_LIMITS.circuitsPerLink),
    handshakesPerSecond: many(ROUTER_LIMITS.handshakesPerSecond),
    handshakesPerSecondPerLink: many(ROUTER_LIMITS.handshakesPerSecondPerLink),
  }),
  dht: z.array(endpoint).max(16).default([]),
  sample: sample.optional(),
})

export type RelayConfig = z.output<typeof schema>
/** The file as it may be written: everything is optional. */
export type RelayConfigInput = z.input<typeof schema>

/** Relays that must be known before circuits are built (N-07). A lab has six. */
const MIN_RELAYS = 20
const LAB_MIN_RELAYS = 3

/** The same as configured, for pages and for clients of programs. */
export function minRelaysOf({ minRelays, lab }: Pick<RelayConfig, 'minRelays' | 'lab'>): number {
  return minRelays ?? (lab ? LAB_MIN_RELAYS : MIN_RELAYS)
}

/** A configuration that cannot be used. Code `config-invalid`; the message has one line for each fault. */
export class ConfigError extends CulvertError {}

/** Reads and checks a configuration file. Throws a ConfigError that names every fault with its line. */
export async function loadConfig(path: string): Promise<RelayConfig> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(cause)
    throw new ConfigError('config-unreadable', `${path}: ${why}`, { cause })
  }
  return withPaths(parseConfig(text, path), resolve(path, '..'))
}

/** Checks a configuration text. `name` stands for the file in messages. */
export function parseConfig(text: string, name: string): RelayConfig {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const fault = document.errors[0]
  if (fault) {
    const message = fault.message.split('\n', 1)[0]?.replace(/ at line \d+.*$/, '')
    throw new ConfigError('config-invalid', `${name}:${lines.linePos(fault.pos[0]).line}: ${message}`)
  }
  const parsed = schema.safeParse(document.toJS() ?? {})
  if (parsed.success) return parsed.data
  const lineOf = (path: readonly PropertyKey[]) => lines.linePos(offsetOf(document.contents, path)).line
  const faults = parsed.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          line: lineOf([...issue.path, key]),
          what: `unknown key ${[...issue.path, key].join('.')}; see docs/relay.md`,
        }))
      : [{ line: lineOf(issue.path), what: `${issue.path.join('.') || 'the file'}: ${issue.message}` }],
  )
  const sorted = faults.sort((a, b) => a.line - b.line)
  throw new ConfigError(
    'config-invalid',
    sorted.map(({ line, what }) => `${name}:${line}: ${what}`).join('\n'),
  )
}

/** Where the key (or the nearest thing around it that exists) stands in the file. */
function offsetOf(contents: unknown, path: readonly PropertyKey[]): number {
  let node = contents
  let offset = 0
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key)
      if (!pair) break
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else {
      const item: unknown = (node as { items?: unknown[] } | null)?.items?.[Number(key)]
      offset = (item as { range?: [number] } | undefined)?.range?.[0] ?? offset
      node = item
    }
  }
  return offset
}

function withPaths(config: RelayConfig, base: string): RelayConfig {
  const at = (path: string) => (isAbsolute(path) ? path : join(base, path))
  const { gateway, sample, geo, admin, links } = config
  const { certificate, key } = links.tls
  const { table, country, as } = geo
  return {
    ...config,
    identity: at(config.identity),
    state: at(config.state),
    admin: { ...admin, tokenFile: at(admin.tokenFile) },
    geo: {
      ...geo,
      ...(table ? { table: at(table) } : {}),
      ...(country ? { country: at(country) } : {}),
      ...(as ? { as: at(as) } : {}),
    },
    links: { ...links, tls: certificate && key ? { certificate: at(certificate), key: at(key) } : {} },
    gateway: gateway.webRoot ? { ...gateway, webRoot: at(gateway.webRoot) } : gateway,
    sample: sample && { ...sample, torrent: at(sample.torrent) },
  }
}
