import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { IpAddress } from '../bytes/address.ts'
import { concat, equalBytes, toHex } from '../bytes/bytes.ts'
import { encode, fixed, raw, struct, u8, u32 } from '../bytes/codec.ts'
import { siteOf } from '../ipv8/network-of.ts'
import { below, type Random } from '../world/random.ts'

/** What both ends of a stream say, byte for byte. */
export interface StreamScript {
  /** The front of `up`: by it the echo knows which script it is. */
  readonly hello: Uint8Array
  readonly up: Uint8Array
  readonly down: Uint8Array
}

/** BEP 3: the handshake of peers, and the message that carries a block of a piece. */
const PROTOCOL = utf8ToBytes('BitTorrent protocol')
const handshake = struct({
  length: u8,
  protocol: fixed(PROTOCOL.length),
  reserved: fixed(8),
  infoHash: fixed(20),
  peerId: fixed(20),
})
const HANDSHAKE_BYTES = 1 + PROTOCOL.length + 8 + 20 + 20
const ID_FROM = HANDSHAKE_BYTES - 40
const PIECE = 7
const BLOCK_BYTES = 16_384
const piece = struct({ length: u32, id: u8, index: u32, begin: u32, block: raw })

/** Two peers of a swarm: handshakes, then a block that goes up and two that come down. */
export function streamScript(random: Random): StreamScript {
  const infoHash = random.bytes(20)
  const hello = () =>
    encode(handshake, {
      length: PROTOCOL.length,
      protocol: PROTOCOL,
      reserved: new Uint8Array([0, 0, 0, 0, 0, 0x10, 0, 0x05]),
      infoHash,
      peerId: concat(utf8ToBytes('-LT20A0-'), random.bytes(12)),
    })
  const block = () =>
    encode(piece, {
      length: 9 + BLOCK_BYTES,
      id: PIECE,
      index: below(random, 2_000),
      begin: below(random, 32) * BLOCK_BYTES,
      block: random.bytes(BLOCK_BYTES),
    })
  const up = hello()
  return { hello: up, up: concat(up, block()), down: concat(hello(), block(), block()) }
}

export interface StreamExpected {
  /** The connection has come. @param claimed from a machine that the exit's descriptor names */
  opened(claimed: boolean): void
  /** All that goes up has arrived, or something else has. */
  finished(intact: boolean): void
}

interface Waiting extends StreamExpected {
  readonly script: StreamScript
  readonly sites: ReadonlySet<string>
}

/** A connection at the echo's end, as whoever holds its socket drives it. */
export interface EchoConnection {
  send(bytes: Uint8Array): void
  close(): void
}

const MAX_WAITING = 64

/** The far end of our own probes over TCP. Who does not say a hello that is waited for is hung up on. */
export class ProbeStreamEcho {
  /** By info hash, and by peer id: one of them may have been changed on the way. */
  private readonly waiting = new Map<string, Waiting>()

  /** @returns what ends the wait; undefined if too many are waited for */
  expect(
    script: StreamScript,
    claimed: readonly IpAddress[],
    events: StreamExpected,
  ): (() => void) | undefined {
    if (this.waiting.size >= 2 * MAX_WAITING) return undefined
    const sites = new Set(claimed.map(siteOf))
    const keys = keysOf(script.hello)
    const entry: Waiting = {
      script,
      sites,
      opened: (claimed) => events.opened(claimed),
      finished: (intact) => events.finished(intact),
    }
    for (const key of keys) this.waiting.set(key, entry)
    return () => {
      for (const key of keys) if (this.waiting.get(key) === entry) this.waiting.delete(key)
    }
  }

  /** A connection has come in. @returns what takes its bytes; never throws */
  accept(from: IpAddress, connection: EchoConnection): (bytes: Uint8Array) => void {
    let hello = new Uint8Array()
    let entry: Waiting | undefined
    let arrived = 0
    let over = false
    const compare = (bytes: Uint8Array, { script, finished }: Waiting) => {
      const expected = script.up.subarray(arrived, arrived + bytes.length)
      arrived += bytes.length
      const intact = equalBytes(bytes, expected)
      if (intact && arrived < script.up.length) return
      over = true
      finished(intact)
      if (!intact) connection.close()
    }
    return (bytes) => {
      if (over) return
      if (entry !== undefined) {
        compare(bytes, entry)
        return
      }
      hello = concat(hello, bytes.subarray(0, 2 * BLOCK_BYTES))
      if (hello.length < HANDSHAKE_BYTES) return
      entry = this.take(hello)
      if (entry === undefined) {
        over = true
        connection.close()
        return
      }
      entry.opened(entry.sites.has(siteOf(from)))
      connection.send(entry.script.down)
      compare(hello, entry)
    }
  }

  /** Each script is played once. */
  private take(hello: Uint8Array): Waiting | undefined {
    const keys = keysOf(hello)
    const entry = keys.map((key) => this.waiting.get(key)).find((each) => each !== undefined)
    for (const key of entry ? keysOf(entry.script.hello) : []) this.waiting.delete(key)
    return entry
  }
}

function keysOf(hello: Uint8Array): string[] {
  const infoHash = hello.subarray(ID_FROM, ID_FROM + 20)
  return [`hash ${toHex(infoHash)}`, `peer ${toHex(hello.subarray(ID_FROM + 20, HANDSHAKE_BYTES))}`]
}
