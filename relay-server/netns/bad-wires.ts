import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { Namespace, NetnsProcess, Topology } from './namespaces.ts'

/** What becomes of packets between any two hosts, in each direction; as `shared/sim/wire.ts` has it. */
export interface BadConditions {
  /** Chance in [0, 1] that a packet is lost. */
  readonly loss: number
  /** One way. */
  readonly delayMs: number
  /** Added to the delay, uniformly from 0 to this. */
  readonly jitterMs: number
  /** Whether packets with different delays stay in order nevertheless; `tc netem` lets them overtake. */
  readonly keepsOrder: boolean
  /** Chance in [0, 1] that a packet is held back by up to `reorderMs` while later ones overtake it. */
  readonly reordering: number
  readonly reorderMs: number
  /** Chance in [0, 1] that a packet arrives twice. */
  readonly duplication: number
}

/** The network of the requirement: 10 % loss, 200 ms jitter, 5 % reordering, duplicates. */
export const BAD: BadConditions = {
  loss: 0.1,
  delayMs: 0,
  jitterMs: 200,
  keepsOrder: true,
  reordering: 0.05,
  reorderMs: 50,
  duplication: 0.02,
}

export interface PacketCounts {
  readonly sent: number
  readonly lost: number
  readonly reordered: number
  readonly duplicated: number
  /** Lost for want of room. */
  readonly overflowed: number
}

const PROGRAM = fileURLToPath(new URL('bad-wire.py', import.meta.url))

/**
 * Hosts that reach each other over bad wires. Kernels with the netem queueing discipline could do it by themselves; this does it
 * for all, in a process between TUN devices.
 */
export class BadWires {
  private readonly process: NetnsProcess
  private readonly lines: AsyncIterator<string>

  /** @param hosts their addresses, such as `9.1.0.1`, of one network of 8 bits. The same seed gives the same chances. */
  static async open(
    topology: Topology,
    conditions: BadConditions,
    hosts: ReadonlyMap<string, Namespace>,
    seed = 1,
  ): Promise<BadWires> {
    const middle = topology.namespace('bad')
    const names = [...hosts.keys()].map((host, i) => [`bad${i}`, host] as const)
    const options = { devices: Object.fromEntries(names), conditions, seed }
    const wires = new BadWires(middle.spawn('/usr/bin/python3', PROGRAM, JSON.stringify(options)))
    await wires.untilReady()
    for (const [device, host] of names) {
      const namespace = hosts.get(host)
      if (!namespace) continue
      middle.ip('link', 'set', device, 'netns', namespace.name)
      namespace.addAddress(device, `${host}/8`)
    }
    return wires
  }

  private constructor(process: NetnsProcess) {
    this.process = process
    this.lines = createInterface(process.stdout)[Symbol.asyncIterator]()
  }

  /** The devices are there then. */
  private async untilReady(): Promise<void> {
    let said = ''
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    const { value } = await this.lines.next()
    if (value !== 'ready')
      throw new CulvertError('netns-wires', `the bad wires did not start: ${said.trim()}`)
  }

  /** What became of the packets so far. */
  async counts(): Promise<PacketCounts> {
    this.process.stdin.write('\n')
    const { value } = await this.lines.next()
    return JSON.parse(value) as PacketCounts
  }

  async close(): Promise<void> {
    const ended = once(this.process, 'exit')
    this.process.stdin.end()
    await ended
  }
}
