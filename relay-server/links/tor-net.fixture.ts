import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, freePorts, TorProcess } from './tor-process.fixture.ts'

/*
 * A Tor network of this machine alone, for tests: real `tor` processes on 127.0.0.1 with a consensus of their own. One
 * directory authority, a few relays, no exit (onion services need none), and as many clients as a test asks for, each with
 * a SOCKS port and a control port. Needs Debian's package tor (tor, tor-gencert).
 */

/**
 * A client's way to a rendezvous takes three relays and the service's as many, none twice in one way; guards serve as
 * nothing else. With fewer, tor sometimes finds no way.
 */
const RELAYS = 6
const GUARDS = 2
/**
 * Guards must be stable, and stable are relays that are up for as long as the median, in seconds: started together, on a busy
 * machine, the guards may be the youngest, and nobody then finds a first hop.
 */
const GUARDS_LEAD_MS = 2_000
/**
 * Now and then a young network of so few relays gives one of them no way of three hops, for as long as its consensus holds
 * ("Failed to find node for hop"): another network is made then.
 */
const TRIES = 4
/** Of one try, each step: twice what all of them take on a busy machine. The last has its time. */
const TRY_MS = 30_000
/** The hook that starts a network is to have so long. */
export const TOR_NET_MS = 720_000
/** Tor votes every so often, by the clock of the day. The least it takes for the first vote. */
const FIRST_VOTE_SECONDS = 5
/** Later votes: long after the test, so one of these. Each divides the day. */
const NEVER_SECONDS = [1800, 1440, 1350, 1080] as const

export interface TorClient {
  readonly socksPort: number
  readonly tor: TorProcess
}

export interface TorNet {
  readonly clients: readonly TorClient[]
  /** Every tor that runs now. */
  readonly pids: readonly number[]
  /** Ends all of them, and removes their folders. */
  stop(): Promise<void>
}

/**
 * Starts a network and waits until its clients can use it.
 * @param clients the torrc lines of each client, besides those of every client
 */
export async function startTorNet(clients: readonly (readonly string[])[] = [[], []]): Promise<TorNet> {
  for (let tries = 1; tries < TRIES; tries++) {
    const net = await startOnce(clients, TRY_MS).catch(() => undefined)
    if (net) return net
  }
  return startOnce(clients)
}

/** @param patienceMs how long each tor may take to find the network */
async function startOnce(clients: readonly (readonly string[])[], patienceMs?: number): Promise<TorNet> {
  const folder = await mkdtemp(join(tmpdir(), 'culvert-tor-'))
  const all: TorProcess[] = []
  const stop = async () => {
    await Promise.all(all.map((each) => each.stop()))
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const ports = await freePorts(3 + 2 * RELAYS + 2 * clients.length)
    const next = () => ports.pop() ?? 0
    const authority = await makeAuthority(folder, next(), next(), next())
    const relays = Array.from({ length: RELAYS }, (_, i) => {
      const lines = [authority.line, ...serverLines(`relay${i}`, next()), 'FetchServerDescriptors 0']
      return new TorProcess(`relay${i}`, join(folder, `relay${i}`), next(), lines)
    })
    const made = clients.map((lines, i) => {
      const socksPort = next()
      const own = [authority.line, `SocksPort 127.0.0.1:${socksPort}`, ...CLIENT_LINES, ...lines]
      return { socksPort, tor: new TorProcess(`client${i}`, join(folder, `client${i}`), next(), own) }
    })
    all.push(authority.tor, ...relays, ...made.map(({ tor }) => tor))
    await Promise.all([authority.tor, ...relays.slice(0, GUARDS)].map((each) => each.start()))
    await new Promise((resolve) => setTimeout(resolve, GUARDS_LEAD_MS))
    await Promise.all(relays.slice(GUARDS).map((each) => each.start()))
    await agree(authority, relays)
    // Whoever asks for a consensus before there is one asks again much later; and clients ask these relays for theirs.
    await Promise.all(relays.map((each) => each.ask('SETCONF FetchServerDescriptors=1')))
    await Promise.all(relays.map((each) => each.bootstrapped(patienceMs)))
    await Promise.all(made.map(({ tor }) => tor.start()))
    await Promise.all(made.map(({ tor }) => tor.bootstrapped(patienceMs)))
    return {
      clients: made,
      get pids() {
        return all.flatMap(({ pid }) => pid ?? [])
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const CLIENT_LINES = [
  // No circuits built only to learn how long they take.
  'LearnCircuitBuildTimeout 0',
  // Loopback is fast: a circuit that takes longer has met a relay that has just ended, and another is to be tried.
  'CircuitBuildTimeout 10',
]

function serverLines(name: string, port: number): string[] {
  return [
    `Nickname ${name}`,
    'Address 127.0.0.1',
    `ORPort 127.0.0.1:${port} IPv4Only`,
    'SocksPort 0',
    'ExitRelay 0',
    'ExitPolicy reject *:*',
    'ContactInfo none',
  ]
}

interface Authority {
  readonly tor: TorProcess
  /** By which all others know it. */
  readonly line: string
  /** Where it looks up what relays can carry. */
  readonly bandwidths: string
}

/** Makes the two keys that a directory authority has, beside those of a relay. */
async function makeAuthority(
  folder: string,
  orPort: number,
  dirPort: number,
  control: number,
): Promise<Authority> {
  const home = join(folder, 'authority')
  const keys = join(home, 'keys')
  const certificate = join(keys, 'authority_certificate')
  await mkdir(keys, { recursive: true, mode: 0o700 })
  await tool('tor-gencert', [
    ...['--create-identity-key', '-m', '12', '-a', `127.0.0.1:${dirPort}`, '--passphrase-fd', '0'],
    ...['-i', join(keys, 'authority_identity_key'), '-s', join(keys, 'authority_signing_key')],
    ...['-c', certificate],
  ])
  // Tor makes the relay's own keys when it is asked what they are; that it knows no network does not matter to that.
  const empty = join(folder, 'empty')
  await writeFile(empty, '')
  await tool('tor', [
    ...['--list-fingerprint', '--quiet', '-f', empty, '--defaults-torrc', empty],
    ...['--DataDirectory', home, '--Nickname', 'authority', '--ORPort', '1'],
    ...['--DirAuthority', `none 127.0.0.1:1 ${'F'.repeat(40)}`],
  ])
  const v3 = /^fingerprint ([0-9A-F]{40})$/m.exec(await readFile(certificate, 'latin1'))?.[1]
  const identity = await fingerprintIn(home)
  const line = `DirAuthority authority orport=${orPort} v3ident=${v3} 127.0.0.1:${dirPort} ${identity}`
  const bandwidths = join(folder, 'bandwidths')
  const tor = new TorProcess('authority', home, control, [
    line,
    ...serverLines('authority', orPort),
    `DirPort 127.0.0.1:${dirPort} IPv4Only`,
    'AuthoritativeDirectory 1',
    'V3AuthoritativeDirectory 1',
    // When all relays have come, `agree` calls the vote.
    `TestingV3AuthInitialVotingInterval ${NEVER_SECONDS[0]}`,
    `V3AuthVotingInterval ${NEVER_SECONDS[0]}`,
    'TestingV3AuthInitialVoteDelay 2',
    'TestingV3AuthInitialDistDelay 2',
    'V3AuthVoteDelay 20',
    'V3AuthDistDelay 20',
    'V3AuthNIntervalsValid 24',
    'TestingAuthDirTimeToLearnReachability 0',
    // Young relays may keep onion descriptors here.
    'TestingDirAuthVoteHSDir *',
    'MinUptimeHidServDirectoryV2 0',
    `V3BandwidthsFile "${bandwidths}"`,
  ])
  return { tor, line, bandwidths }
}

/** Waits until the authority knows all relays, has it vote on them now, and waits for the consensus. */
async function agree({ tor, bandwidths }: Authority, relays: readonly TorProcess[]): Promise<void> {
  const control = await tor.control()
  try {
    for (const { name } of relays) {
      await eventually(`the descriptor of ${name}`, () =>
        control.command(`GETINFO desc/name/${name}`).catch(() => undefined),
      )
    }
    const identities = await Promise.all(relays.map(({ folder }) => fingerprintIn(folder)))
    // What nobody has measured draws no circuits, so all are measured alike.
    const measured = identities.map((id, i) => `node_id=$${id} bw=10000 nick=relay${i}`)
    const nowSeconds = Math.floor(Date.now() / 1000)
    await writeFile(bandwidths, `${[nowSeconds, ...measured].join('\n')}\n`)
    const guards = identities.slice(0, GUARDS).map((id) => `$${id}`)
    // Rounds end at multiples of the interval, shifted: this one three seconds from now.
    const end = nowSeconds + 3
    const offset = end % FIRST_VOTE_SECONDS
    const later = NEVER_SECONDS.find((each) => each - ((end - offset) % each) >= 300) ?? NEVER_SECONDS[0]
    await control.command(
      `SETCONF TestingDirAuthVoteGuard="${guards.join(',')}" TestingDirAuthVoteGuardIsStrict=1 ` +
        `TestingV3AuthInitialVotingInterval=${FIRST_VOTE_SECONDS} TestingV3AuthVotingStartOffset=${offset} ` +
        `V3AuthVotingInterval=${later}`,
    )
    await eventually('the consensus', async () => {
      const { lines } = await control.command('GETINFO ns/all')
      return lines.filter((line) => /^s .*\bRunning\b/.test(line)).length > relays.length
    })
  } finally {
    control.close()
  }
}

async function fingerprintIn(folder: string): Promise<string> {
  const text = await readFile(join(folder, 'fingerprint'), 'latin1')
  return text.trim().split(' ').at(-1) ?? ''
}

/** Runs a program of tor's to its end, with a passphrase at its input for the one that wants it. */
async function tool(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: `${process.env.PATH}:/usr/sbin`, LC_ALL: 'C' },
  })
  let said = ''
  child.stdout.on('data', (data: Buffer) => (said += data))
  child.stderr.on('data', (data: Buffer) => (said += data))
  child.stdin.end('test\n')
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`${program} failed: ${said}`)
}
