import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { addressOf, formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import { toHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { byteStringValue, immutableTarget } from '../../shared/kademlia/item.ts'
import type { DhtNode } from './dht-nodes.fixture.ts'

const SCRIPT = fileURLToPath(new URL('libtorrent-dht.fixture.py', import.meta.url))

interface Told {
  readonly event: 'listening' | 'peers' | 'put' | 'item' | 'error'
  readonly session: number
  readonly port?: number
  readonly hash?: string
  readonly peers?: readonly [string, number][]
  readonly target?: string
  readonly stored?: number
  readonly key?: string
  readonly salt?: string
  readonly value?: string
  readonly final?: boolean
  readonly message?: string
}

/** Some nodes of libtorrent, in one process. */
export class LibtorrentNodes {
  private readonly child: ChildProcess
  private readonly waiting = new Set<{
    session: number
    take(told: Told): boolean
    fail(error: Error): void
  }>()
  private complaint = ''
  private ended: Error | undefined

  private constructor(hosts: readonly string[]) {
    this.child = spawn('/usr/bin/python3', [SCRIPT, ...hosts], { stdio: ['pipe', 'pipe', 'pipe'] })
    const { stdout, stderr } = this.child
    if (stdout === null || stderr === null) throw new CulvertError('fixture-pipe', 'no pipes to libtorrent')
    stderr.on('data', (text: Buffer) => {
      this.complaint += text.toString()
    })
    createInterface({ input: stdout }).on('line', (line) => this.hear(JSON.parse(line) as Told))
    this.child.once('exit', () =>
      this.end(new CulvertError('fixture-libtorrent', `libtorrent has ended: ${this.complaint}`)),
    )
  }

  static async start(hosts: readonly string[]): Promise<{ nodes: DhtNode[]; close(): Promise<void> }> {
    const all = new LibtorrentNodes(hosts)
    const nodes = await Promise.all(hosts.map((host, session) => all.node(host, session)))
    return { nodes, close: () => all.close() }
  }

  private hear(told: Told): void {
    if (told.event === 'error') this.end(new CulvertError('fixture-libtorrent', told.message ?? ''))
    for (const one of this.waiting) {
      if (one.session === told.session && one.take(told)) this.waiting.delete(one)
    }
  }

  private end(error: Error): void {
    this.ended ??= error
    for (const one of this.waiting) one.fail(error)
    this.waiting.clear()
  }

  /** Waits for what `take` makes something of. */
  private told<T>(session: number, take: (told: Told) => { is: T } | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.ended) reject(this.ended)
      this.waiting.add({
        session,
        take: (told) => {
          const taken = take(told)
          if (taken) resolve(taken.is)
          return taken !== undefined
        },
        fail: reject,
      })
    })
  }

  private say(session: number, command: object): void {
    this.child.stdin?.write(`${JSON.stringify({ session, ...command })}\n`)
  }

  private async node(host: string, session: number): Promise<DhtNode> {
    const port = await this.told(session, ({ event, port }) =>
      event === 'listening' && port !== undefined ? { is: port } : undefined,
    )
    const stored = (target: Uint8Array) =>
      this.told(session, ({ event, target: what, stored }) =>
        event === 'put' && what === toHex(target) ? { is: stored ?? 0 } : undefined,
      )
    return {
      address: addressOf(host, port) as IpAddress,
      know: async (addresses) =>
        this.say(session, { do: 'nodes', nodes: addresses.map((each) => [each.host, each.port]) }),
      announce: async (infoHash) => {
        this.say(session, { do: 'announce', hash: toHex(infoHash) })
        return `${host}:${port}`
      },
      peers: (infoHash) => {
        const hash = toHex(infoHash)
        const found = this.told(session, (told) =>
          told.event === 'peers' && told.hash === hash
            ? { is: (told.peers ?? []).map((peer) => formatAddress(addressOf(...peer))) }
            : undefined,
        )
        this.say(session, { do: 'peers', hash })
        // It says nothing at all of a lookup that found nobody.
        return orAfter(found, [])
      },
      put: (value) => {
        const done = stored(immutableTarget(byteStringValue(utf8ToBytes(value))))
        this.say(session, { do: 'put', value })
        return done
      },
      putMutable: ({ seed, publicKey }, salt, value) => {
        // What it says of a mutable item has no target.
        const done = this.told(session, ({ event, target, stored }) =>
          event === 'put' && /^0*$/.test(target ?? '') ? { is: stored ?? 0 } : undefined,
        )
        this.say(session, { do: 'put-mutable', key: toHex(publicKey), seed: toHex(seed), value, salt })
        return done
      },
      get: (target) => {
        const hex = toHex(target)
        const found = this.told(session, (told) =>
          told.event === 'item' && told.target === hex ? { is: told.value || undefined } : undefined,
        )
        this.say(session, { do: 'get', target: hex })
        return found
      },
      getMutable: ({ publicKey }, salt) => {
        const key = toHex(publicKey)
        const found = this.told(session, (told) =>
          told.event === 'item' && told.key === key && told.salt === salt && (told.value || told.final)
            ? { is: told.value || undefined }
            : undefined,
        )
        this.say(session, { do: 'get-mutable', key, salt })
        return found
      },
      close: async () => this.say(session, { do: 'close' }),
    }
  }

  private async close(): Promise<void> {
    if (this.child.exitCode !== null) return
    const exit = once(this.child, 'exit')
    this.child.stdin?.end()
    await exit
  }
}

const LOOKUP_MS = 3_000

/** What a lookup brings, or `nothing` when one is over for sure, so that it is asked again. */
async function orAfter<T>(found: Promise<T>, nothing: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(resolve, LOOKUP_MS, nothing)
  })
  return Promise.race([found, late]).finally(() => clearTimeout(timer))
}
