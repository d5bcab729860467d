import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { stringify } from 'yaml'
import type { RelayConfigInput } from '../config.ts'
import type { RelayReady } from '../relay-process.ts'
import { type Child, OWN_PROGRAM, type Program, startChild } from './child.ts'
import * as places from './constants.ts'
import { startDhtNode } from './dht-node.ts'
import { projectPath } from './folders.ts'
import { type LabSample, makeTorrent, readSample } from './sample.ts'
import type { SeederReady, SeederSettings } from './seeder-process.ts'
import { startTracker } from './tracker.ts'

export interface LabOptions {
  /** Folder of the built web app; without it the gateways serve no page. */
  readonly webRoot?: string
  /** Folder of the film and its subtitles; public/sample if not given. */
  readonly sampleFolder?: string
  /** What the processes run: `dist/relay-server`, or the sources. What this code itself is, if not given. */
  readonly program?: Program
  /** Lines that the relays and the seeder write. */
  readonly onOutput?: (line: string) => void
  /** A relay or the seeder ended without being asked to. */
  readonly onCrash?: (name: string) => void
  readonly logLevel?: 'error' | 'info' | 'debug'
  /** Whether the gateways offer the sample to pages; they do unless this is false. It is seeded in any case. */
  readonly offerSample?: boolean
  /** False: exits let datagrams out, ask trackers by HTTP, and end no streams, as those of Tribler's network do. */
  readonly tcpExits?: boolean
  /**
   * False: relays take no part in the lab's DHT and are told no tracker, so that all they learn of torrents is what circuits tell
   * them. Where six relays are most of the DHT's nodes, whatever anybody looks for is asked of each.
   */
  readonly relaysInDht?: boolean
  /**
   * Nicknames of relays that open no port but UDP's: pages reach them over WebRTC alone, signalled by the first relay. Not the
   * first itself.
   */
  readonly signalled?: readonly string[]
  /** What a relay's configuration says besides, by nickname; a group replaces what the lab says of it. */
  readonly more?: Readonly<Record<string, RelayConfigInput>>
  /** The most that the seeder gives, for tests in which a film has to take its time; no limit if left out. */
  readonly seederBytesPerSecond?: number
}

export interface LabRelay {
  readonly nickname: string
  readonly host: string
  readonly exit: boolean
  readonly pid: number
  /** `host:port` of its UDP socket. */
  readonly udp: string
  /** 148 hex digits. */
  readonly publicKey: string
  /** `http://host:port` of its gateway. */
  readonly url: string
  readonly running: boolean
  /** Ends this relay alone, as a fault in an experiment. */
  stop(): Promise<void>
}

export interface LabTorrent {
  readonly infoHash: string
  readonly magnet: string
  /** Path of its .torrent file. */
  readonly file: string
}

export interface Lab {
  /** The address to open: the first relay's gateway. */
  readonly url: string
  readonly relays: readonly LabRelay[]
  /** Addresses that connections to the seeder came from, one a line. */
  readonly seederLog: string
  /** `host:port` of the seeder's TCP socket. */
  readonly seeder: string
  readonly announceUrl: string
  /** `host:port` */
  readonly dht: string
  /** What every gateway offers. */
  readonly sample: LabTorrent
  /** The same film as another torrent, of which no relay is told. */
  readonly unlisted: LabTorrent
  /** Of all processes beside this one. */
  readonly pids: readonly number[]
  /** Identities, configurations, logs. Removed by `stop`. */
  readonly stateFolder: string
  /** Ends every process and removes the state. Idempotent. */
  stop(): Promise<void>
}

/** Starts the whole network on this machine. What was started is ended again if any part fails. */
export async function startLab(options: LabOptions): Promise<Lab> {
  const undo: (() => Promise<void>)[] = []
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= (async () => {
      for (const step of undo.splice(0).reverse()) await step()
    })()
    return stopping
  }
  try {
    return await assemble(options, undo, stop)
  } catch (error) {
    await stop()
    throw error
  }
}

async function assemble(
  options: LabOptions,
  undo: (() => Promise<void>)[],
  stop: () => Promise<void>,
): Promise<Lab> {
  const sample = await readSample(options.sampleFolder ?? projectPath('public/sample'))
  const stateFolder = await mkdtemp(join(tmpdir(), 'culvert-lab-'))
  // Also when this process ends by an error of its own; the children end by themselves then.
  const removeState = () => rmSync(stateFolder, { recursive: true, force: true })
  process.once('exit', removeState)
  undo.push(async () => {
    process.off('exit', removeState)
    await rm(stateFolder, { recursive: true, force: true })
  })
  const tracker = await startTracker(places.LAB_TRACKER_HOST, 0)
  undo.push(() => tracker.stop())
  const dht = await startDhtNode(places.LAB_DHT_HOST, [])
  undo.push(() => dht.stop())
  const files = await writeTorrents(stateFolder, sample, tracker.announceUrl)

  const program = options.program ?? OWN_PROGRAM
  const start = async <Ready extends { readonly type: 'ready' }>(name: string, command: string[]) => {
    const child = await startChild<Ready>(name, program, command, options.onOutput ?? (() => undefined))
    child.onCrash(() => options.onCrash?.(name))
    return child
  }
  const children: Promise<Child<{ type: 'ready' }>>[] = []
  // Together, and also those that come up while another one fails.
  undo.push(async () => {
    const started = await Promise.allSettled(children)
    await Promise.all(started.map((each) => (each.status === 'fulfilled' ? each.value.stop() : undefined)))
  })
  const startRelay = (place: places.LabPlace, first?: RelayReady) => {
    const bootstrap = first ? [first.udp] : []
    const isSignalled = first && options.signalled?.includes(place.nickname)
    const config = {
      ...relayConfig(place, bootstrap, dht.address, tracker.announceUrl, sample, files.sample, options),
      ...(isSignalled ? signalledBy(first) : {}),
      ...options.more?.[place.nickname],
    }
    const child = writeConfig(stateFolder, place.nickname, config).then((path) =>
      start<RelayReady>(place.nickname, ['run', '--config', path]),
    )
    children.push(child)
    return child
  }
  const connectionLog = join(stateFolder, 'seeder-connections.log')
  const seederSettings: SeederSettings = {
    host: places.LAB_SEEDER_HOST,
    torrents: Object.values(files).map((file) => ({ file, folder: join(stateFolder, 'files') })),
    announceUrl: tracker.announceUrl,
    dht: [dht.address],
    connectionLog,
    ...(options.seederBytesPerSecond === undefined ? {} : { uploadLimit: options.seederBytesPerSecond }),
  }
  const seederStart = start<SeederReady>('seeder', ['lab-seeder', JSON.stringify(seederSettings)])
  children.push(seederStart)
  const [firstPlace, ...otherPlaces] = places.LAB_RELAYS as [places.LabPlace, ...places.LabPlace[]]
  const first = await startRelay(firstPlace)
  const others = await Promise.all(otherPlaces.map((place) => startRelay(place, first.ready)))
  const seeder = await seederStart
  const relays = [first, ...others].map((child, i) => relayOf(places.LAB_RELAYS[i] as places.LabPlace, child))
  const torrentOf = (i: number, file: string): LabTorrent => ({
    infoHash: seeder.ready.torrents[i]?.infoHash ?? '',
    magnet: seeder.ready.torrents[i]?.magnet ?? '',
    file,
  })
  return {
    url: first.ready.gateway ?? '',
    relays,
    seederLog: connectionLog,
    seeder: seeder.ready.address,
    announceUrl: tracker.announceUrl,
    dht: dht.address,
    sample: torrentOf(0, files.sample),
    unlisted: torrentOf(1, files.unlisted),
    pids: [...relays.map(({ pid }) => pid), seeder.pid],
    stateFolder,
    stop,
  }
}

/** Torrent files, and under `files/<name>` what each of them names. */
async function writeTorrents(stateFolder: string, sample: LabSample, announceUrl: string) {
  const write = async (name: string) => {
    const folder = join(stateFolder, 'files', name)
    await mkdir(folder, { recursive: true })
    await Promise.all(sample.files.map((file) => symlink(file, join(folder, basename(file)))))
    const path = join(stateFolder, `${name}.torrent`)
    await writeFile(path, await makeTorrent(sample, name, announceUrl))
    return path
  }
  return { sample: await write(places.LAB_TORRENT_NAME), unlisted: await write(places.LAB_UNLISTED_NAME) }
}

async function writeConfig(stateFolder: string, name: string, config: RelayConfigInput): Promise<string> {
  const path = join(stateFolder, `${name}.yaml`)
  const own = { identity: join(stateFolder, `${name}.key`), state: join(stateFolder, `${name}.state`) }
  await writeFile(path, stringify({ ...own, ...config }))
  return path
}

function relayConfig(
  place: places.LabPlace,
  bootstrap: readonly string[],
  dht: string,
  tracker: string,
  sample: LabSample,
  torrent: string,
  options: LabOptions,
): RelayConfigInput {
  const { title, description, bytes, seconds } = sample
  return {
    nickname: place.nickname,
    network: 'lab',
    lab: true,
    logLevel: options.logLevel ?? 'info',
    udp: { host: place.host, port: 0, publicHost: place.host },
    links: { tcp: { port: 0 } },
    gateway: {
      enabled: true,
      host: place.host,
      port: places.LAB_GATEWAY_PORT,
      portTries: places.LAB_GATEWAY_PORT_TRIES,
      ...(options.webRoot ? { webRoot: options.webRoot } : {}),
    },
    exit: place.exit
      ? {
          enabled: true,
          tcp: options.tcpExits ?? true,
          http: true,
          allowNetworks: [...places.LAB_NETWORKS],
          localIpv4: place.host,
        }
      : { enabled: false },
    bootstrap: [...bootstrap],
    exchangeSeconds: places.LAB_EXCHANGE_SECONDS,
    networkPrefixBits: 32,
    dht: [dht],
    discovery:
      options.relaysInDht === false
        ? { dht: { enabled: false }, trackers: [] }
        : { dht: { routers: [dht] }, trackers: [tracker] },
    ...(options.offerSample === false ? {} : { sample: { title, description, bytes, seconds, torrent } }),
  }
}

/** Of a relay that no TCP connection reaches, and that is signalled for by the first one. */
function signalledBy({ publicKey, gateway }: RelayReady): RelayConfigInput {
  const url = `${gateway?.replace(/^http/, 'ws')}/relay`
  return {
    gateway: { enabled: false },
    links: {
      tcp: { enabled: false },
      firstRing: [{ key: publicKey, addresses: [url] }],
      webrtc: { signallers: [url] },
    },
  }
}

function relayOf(place: places.LabPlace, child: Child<RelayReady>): LabRelay {
  const { udp, publicKey, gateway } = child.ready
  return {
    ...place,
    pid: child.pid,
    udp,
    publicKey,
    url: gateway ?? '',
    get running() {
      return child.running
    },
    stop: () => child.stop(),
  }
}
