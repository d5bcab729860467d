import { type Address, formatAddress, type IpAddress } from '../bytes/address.ts'
import { fromHex, toHex } from '../bytes/bytes.ts'
import type { SessionKeys } from '../crypto/handshake.ts'
import type { Link, LinkCloseReason } from '../link/link.ts'
import type { Clock } from '../world/clock.ts'
import type { Random } from '../world/random.ts'
import type { ExitCircuit, ExitPort } from './exit-port.ts'

/** 00 02 and Tribler's tunnel community. */
export const PREFIX = fromHex('0002a3591a6bd89bbaca0974062a1287afcfbc6fd6bc')

export interface WireKeys {
  readonly key_forward: string
  readonly key_backward: string
  readonly salt_forward: string
  readonly salt_backward: string
}

export function sessionKeys(keys: WireKeys): SessionKeys {
  return {
    forwardKey: fromHex(keys.key_forward),
    backwardKey: fromHex(keys.key_backward),
    forwardSalt: fromHex(keys.salt_forward),
    backwardSalt: fromHex(keys.salt_backward),
  }
}

/** Chance as written down: each call takes the next entry, which must be as long as asked for. */
export class ScriptedRandom implements Random {
  private readonly script: Uint8Array[]

  constructor(...script: Uint8Array[]) {
    this.script = script
  }

  bytes(length: number): Uint8Array {
    const next = this.script.shift()
    if (next?.length !== length) throw new RangeError(`${length} bytes asked, ${next?.length} written down`)
    return next.slice()
  }

  get left(): number {
    return this.script.length
  }
}

/** What `uint16` needs to come out as `value`. */
export const chanceOf16 = (value: number) => Uint8Array.of(value >>> 8, value, 0, 0)
export const chanceOf32 = (value: number) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)

/** A link that keeps what is sent. */
export class TestLink implements Link {
  readonly kind = 'simulated'
  mtu = 65_507
  stream = false
  readonly address: Address
  open = true
  readonly sent: Uint8Array[] = []
  onSend: ((packet: Uint8Array, flow: number) => void) | undefined

  constructor(address: Address) {
    this.address = address
  }

  send(packet: Uint8Array, flow: number): void {
    if (!this.open) return
    this.sent.push(packet)
    this.onSend?.(packet, flow)
  }

  close(_reason: LinkCloseReason): void {
    this.open = false
  }

  /** Takes what was sent since the last call. */
  take(): Uint8Array[] {
    return this.sent.splice(0)
  }
}

export interface TestNode {
  readonly address: IpAddress
  receive(link: Link, packet: Uint8Array): void
}

/** Nodes that reach each other by address, with a delay on a virtual clock. Links are made when first used. */
export class TestNet {
  readonly clock: Clock
  delayMs = 10
  /** Packets delivered. */
  delivered = 0
  /** May change or drop (undefined) a packet on its way. */
  tamper: ((from: IpAddress, to: IpAddress, packet: Uint8Array) => Uint8Array | undefined) | undefined
  private readonly nodes = new Map<string, TestNode>()
  private readonly links = new Map<string, TestLink>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  add(node: TestNode): void {
    this.nodes.set(formatAddress(node.address), node)
  }

  /** As if the machine had been switched off. */
  lose(address: IpAddress): void {
    this.nodes.delete(formatAddress(address))
  }

  /** The link of `from` to `to`: one object, whoever asks. */
  link(from: IpAddress, to: IpAddress): TestLink {
    const name = `${formatAddress(from)} ${formatAddress(to)}`
    let link = this.links.get(name)
    if (link === undefined) {
      link = new TestLink(to)
      link.onSend = (packet) => {
        link?.sent.splice(0)
        const sent = this.tamper === undefined ? packet : this.tamper(from, to, packet)
        if (sent !== undefined) this.clock.after(this.delayMs, () => this.deliver(from, to, sent))
      }
      this.links.set(name, link)
    }
    return link
  }

  private deliver(from: IpAddress, to: IpAddress, packet: Uint8Array): void {
    this.delivered++
    this.nodes.get(formatAddress(to))?.receive(this.link(to, from), packet)
  }
}

/** An exit that writes down what it is told. */
export class TestExit implements ExitPort {
  readonly datagrams: { circuit: ExitCircuit; destination: Address; data: string }[] = []
  readonly streams: { circuit: ExitCircuit; destination: Address; packet: string }[] = []
  readonly endedCircuits: ExitCircuit[] = []

  datagram(circuit: ExitCircuit, destination: Address, data: Uint8Array): void {
    this.datagrams.push({ circuit, destination, data: toHex(data) })
  }

  stream(circuit: ExitCircuit, destination: Address, packet: Uint8Array): void {
    this.streams.push({ circuit, destination, packet: toHex(packet) })
  }

  ended(circuit: ExitCircuit): void {
    this.endedCircuits.push(circuit)
  }
}
