import { type ChildProcess, type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { CulvertError } from '../../shared/bytes/error.ts'

/**
 * Networks of Linux network namespaces for tests: hosts, routers and the segments between them, in the kernel's own network
 * stack and apart from the machine's. Needs root, iproute2 and util-linux.
 *
 * Nothing outlives its test: children die with the process that started them, namespaces are deleted by `close`, at the
 * process's exit, or, if that was sudden, when the next process begins.
 */

const NAMESPACE_FOLDER = '/run/netns'
/** `culvert-<pid>-<start time of that process>-<count>-<name>`: tells whether its maker still lives. */
const OWN_NAME = /^culvert-(\d+)-(\d+)-\d+-/

const PIPES: ['pipe', 'pipe', 'pipe'] = ['pipe', 'pipe', 'pipe']

/** A program in a namespace, with pipes for all three of its streams and, if it is one of Node's, a channel for messages. */
export type NetnsProcess = ChildProcessByStdio<Writable, Readable, Readable>

/** One network stack of its own. */
export class Namespace {
  /** As `ip netns` knows it. */
  readonly name: string
  private readonly topology: Topology
  private interfaces = 0

  constructor(topology: Topology, name: string) {
    this.topology = topology
    this.name = name
  }

  /** Runs a program to its end and gives its stdout. Throws a CulvertError `netns-command` with its stderr. */
  run(command: string, ...args: readonly string[]): string {
    return execute('ip', ['netns', 'exec', this.name, command, ...args])
  }

  /** `ip` in this namespace. */
  ip(...args: readonly string[]): string {
    return execute('ip', ['-n', this.name, ...args])
  }

  /** Loads nftables rules; they go with the namespace. */
  nft(rules: string): void {
    execute('ip', ['netns', 'exec', this.name, 'nft', '-f', '-'], rules)
  }

  /** Starts a program, which dies with this process at the latest. */
  spawn(command: string, ...args: readonly string[]): NetnsProcess {
    const inside = ['netns', 'exec', this.name, 'setpriv', '--pdeathsig', 'KILL', command, ...args]
    const child = spawn('ip', inside, { stdio: [...PIPES, 'ipc'] }) as NetnsProcess
    this.topology.adopt(child)
    return child
  }

  /** @param cidr e.g. `9.1.0.1/8` */
  addAddress(device: string, cidr: string): void {
    this.ip('address', 'add', cidr, 'dev', device, ...(cidr.includes(':') ? ['nodad'] : []))
    this.ip('link', 'set', device, 'up')
  }

  defaultRoute(via: string): void {
    this.ip('route', 'add', 'default', 'via', via)
  }

  /** A name for a further network interface. */
  nextDevice(): string {
    return `eth${this.interfaces++}`
  }
}

/** What several namespaces are attached to, as to one Ethernet. */
export interface Segment {
  /** @param cidr address with the segment's prefix length @returns the interface's name in `host` */
  attach(host: Namespace, ...cidr: readonly string[]): string
}

/** A set of namespaces that come and go together. */
export class Topology {
  private readonly namespaces: Namespace[] = []
  private readonly children = new Set<ChildProcess>()
  private readonly atExit = () => this.close()

  /** Sweeps up first what processes that are no more have left. */
  constructor() {
    sweep()
    process.once('exit', this.atExit)
  }

  /** A new namespace with its loopback up, and IPv6 without waiting times. */
  namespace(name: string): Namespace {
    const full = `culvert-${process.pid}-${startTimeOf(process.pid)}-${nextCount()}-${name}`
    execute('ip', ['netns', 'add', full])
    const namespace = new Namespace(this, full)
    this.namespaces.push(namespace)
    namespace.ip('link', 'set', 'lo', 'up')
    return namespace
  }

  /** A namespace that packets are forwarded through. */
  router(name: string): Namespace {
    const router = this.namespace(name)
    for (const switched of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding']) {
      router.run('sh', '-c', `echo 1 > /proc/sys/net/${switched}`)
    }
    return router
  }

  /** A wire between two namespaces. @returns the interfaces' names */
  wire(a: Namespace, cidrA: string, b: Namespace, cidrB: string): { readonly a: string; readonly b: string } {
    const devices = { a: a.nextDevice(), b: b.nextDevice() }
    this.veth(a, devices.a, b, devices.b)
    a.addAddress(devices.a, cidrA)
    b.addAddress(devices.b, cidrB)
    return devices
  }

  /** A bridge in a namespace of its own. */
  segment(name: string): Segment {
    const middle = this.namespace(name)
    middle.ip('link', 'add', 'bridge0', 'type', 'bridge')
    middle.ip('link', 'set', 'bridge0', 'up')
    return {
      attach: (host, ...cidrs) => {
        const port = middle.nextDevice()
        const device = host.nextDevice()
        this.veth(middle, port, host, device)
        middle.ip('link', 'set', port, 'master', 'bridge0', 'up')
        for (const cidr of cidrs) host.addAddress(device, cidr)
        return device
      },
    }
  }

  private veth(a: Namespace, deviceA: string, b: Namespace, deviceB: string): void {
    const peer = ['peer', 'name', deviceB, 'netns', b.name]
    execute('ip', ['link', 'add', deviceA, 'netns', a.name, 'type', 'veth', ...peer])
  }

  /** Ends `child` when this topology is closed. */
  adopt(child: ChildProcess): void {
    this.children.add(child)
    child.once('exit', () => this.children.delete(child))
  }

  /** Ends the children and deletes the namespaces. Idempotent. */
  close(): void {
    process.off('exit', this.atExit)
    for (const child of this.children) child.kill('SIGKILL')
    for (const { name } of this.namespaces.splice(0)) deleteNamespace(name)
  }
}

let count = 0
const nextCount = () => count++

/** Throws a CulvertError `netns-command` with what the program wrote to stderr. */
function execute(command: string, args: readonly string[], input = ''): string {
  try {
    return execFileSync(command, args, { input, encoding: 'utf8', stdio: PIPES })
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr?.trim() || String(cause)
    throw new CulvertError('netns-command', `${command} ${args.join(' ')}: ${said}`, { cause })
  }
}

/** Ends what still runs in a namespace, and deletes it. If it is gone already, somebody else has swept it up. */
function deleteNamespace(name: string): void {
  try {
    for (const pid of execute('ip', ['netns', 'pids', name]).split('\n')) if (pid) end(Number(pid))
    execute('ip', ['netns', 'delete', name])
  } catch (error) {
    if (names().includes(name)) throw error
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

function names(): string[] {
  try {
    return readdirSync(NAMESPACE_FOLDER)
  } catch {
    return [] // the folder comes with the first namespace
  }
}

/** Clock ticks from the system's start to the process's; undefined if there is no such process (proc(5), field 22). */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

/** Deletes namespaces whose makers ended suddenly, with those of their children that were too young to go with them. */
function sweep(): void {
  for (const name of names()) {
    const [, pid, startTime] = OWN_NAME.exec(name) ?? []
    if (pid !== undefined && startTimeOf(Number(pid)) !== startTime) deleteNamespace(name)
  }
}
