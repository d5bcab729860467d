import { encodeBencode } from '../bytes/bencode.ts'
import { concat } from '../bytes/bytes.ts'
import { newPacket, UTP_TYPE } from '../utp/header.ts'
import { below, type Random, uint16, uint32 } from '../world/random.ts'
import { EXIT_PROBE } from './exit-probe-constants.ts'

/** A datagram of a probe, and what the echo says to it: both planned beforehand, so that every byte can be compared. */
export interface Exchange {
  readonly question: Uint8Array
  readonly answers: readonly Uint8Array[]
}

/** Bytes of a compact node (BEP 5), and how many of them a node tells. */
const COMPACT_NODE_BYTES = 26
const COMPACT_PEER_BYTES = 6
const TOLD_NODES = 8
const ID_BYTES = 20
/** A request message of BEP 3 with its length before it, and the largest body that fits a cell with room to spare. */
const REQUEST_BYTES = 17
const MOST_BODY_BYTES = 1_180
const WINDOW_BYTES = 1 << 20

/**
 * What goes through one probe: a DHT node that asks another and gets its answers (BEP 5), and a peer of a swarm that
 * exchanges uTP packets with another (BEP 29). Nobody on the way can tell it from what users do: the echo does not give back
 * what it was sent, it answers, as planned.
 */
export class ProbePayloads {
  private readonly random: Random
  private readonly asker: Uint8Array
  private readonly asked: Uint8Array
  private readonly connectionId: number
  private sequence: number
  private acknowledged: number
  private timestamp: number

  constructor(random: Random) {
    this.random = random
    this.asker = random.bytes(ID_BYTES)
    this.asked = random.bytes(ID_BYTES)
    this.connectionId = uint16(random)
    this.sequence = uint16(random)
    this.acknowledged = uint16(random)
    this.timestamp = uint32(random)
  }

  /** A question of either kind, and one answer. */
  next(): Exchange {
    return below(this.random, 2) === 0 ? this.krpc() : this.utp()
  }

  /** A question, and as many answers of one size as the rate at which they come back is measured by. */
  burst(count: number = EXIT_PROBE.burst, bytes: number = EXIT_PROBE.burstBytes): Exchange {
    const question = this.packet(REQUEST_BYTES)
    return { question, answers: Array.from({ length: count }, () => this.packet(bytes)) }
  }

  private utp(): Exchange {
    const { random } = this
    const question = this.packet(below(random, MOST_BODY_BYTES))
    // An exit would not mind an acknowledgement alone, but an answer of some size tells more.
    return {
      question,
      answers: [this.packet(REQUEST_BYTES + below(random, MOST_BODY_BYTES - REQUEST_BYTES))],
    }
  }

  private packet(bodyBytes: number): Uint8Array {
    const { random } = this
    this.timestamp = (this.timestamp + 1_000 + below(random, 50_000)) >>> 0
    this.sequence = (this.sequence + 1) & 0xffff
    this.acknowledged = (this.acknowledged + below(random, 2)) & 0xffff
    const { timestamp, sequence, acknowledged } = this
    const packet = newPacket(
      UTP_TYPE.data,
      this.connectionId,
      timestamp,
      uint32(random),
      WINDOW_BYTES - below(random, 0x10000),
      sequence,
      acknowledged,
      bodyBytes,
    )
    packet.set(random.bytes(bodyBytes), packet.length - bodyBytes)
    return packet
  }

  private krpc(): Exchange {
    const { random, asker, asked } = this
    const transaction = random.bytes(2)
    const version = concat(new Uint8Array([0x4c, 0x54, 0x02]), new Uint8Array([below(random, 12)]))
    const kind = below(random, 3)
    const nodes = random.bytes(COMPACT_NODE_BYTES * TOLD_NODES)
    const question = { t: transaction, v: version, y: 'q' }
    const answer = { t: transaction, v: version, y: 'r' }
    if (kind === 0) {
      return exchange(
        { ...question, q: 'find_node', a: { id: asker, target: random.bytes(ID_BYTES) } },
        { ...answer, r: { id: asked, nodes } },
      )
    }
    const values = Array.from({ length: below(random, 20) }, () => random.bytes(COMPACT_PEER_BYTES))
    return exchange(
      { ...question, q: 'get_peers', a: { id: asker, info_hash: random.bytes(ID_BYTES) } },
      {
        ...answer,
        r: { id: asked, nodes, token: random.bytes(8), ...(values.length > 0 ? { values } : {}) },
      },
    )
  }
}

type Message = Parameters<typeof encodeBencode>[0]

function exchange(question: Message, answer: Message): Exchange {
  return { question: encodeBencode(question), answers: [encodeBencode(answer)] }
}
