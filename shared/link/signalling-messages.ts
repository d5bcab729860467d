import { type Codec, decode, encode, fixed, struct, u8, varlen16 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { SIGNAL_MESSAGES, SIGNAL_PART_BYTES, SIGNAL_PARTS } from './signalling-limits.ts'

/*
 * Signalling (requirement L-06): two that both have a link to a relay open a WebRTC connection to each other. What they say
 * travels as control packets with id 7 (control.ts); this is what follows the id, 61 to 1,261 bytes:
 *
 *   session 16   random, chosen by the caller
 *   kind u8      1 offer, 2 answer, 3 candidate, 4 end, 5 refusal
 *   from 20      the mid (SHA-1 of the public key) of the sender's end; written by the forwarder, zero for a page
 *   to 20        the mid of the relay that is called; zero towards a page
 *   message u8   number of the message among those of this side in this session, from 0
 *   part u8      number of the part, from 0
 *   parts u8     1 to 7
 *   piece        varlen16, 0 to 1,200 bytes; of a message of at most 8,192 bytes
 *
 * Messages: an offer and an answer are session descriptions (RFC 8866), a candidate is the text of one ICE candidate
 * (RFC 8839 §5.1, `candidate:…`), all UTF-8; an end is empty, a refusal is a reason u8 (SIGNAL_REFUSALS).
 */

export const SIGNAL_SESSION_ID_BYTES = 16
export const MID_BYTES = 20
/** The mid of one that is known by its link only: a page. */
export const NO_MID: Uint8Array = new Uint8Array(MID_BYTES)

export const SIGNAL_KINDS = { offer: 1, answer: 2, candidate: 3, end: 4, refusal: 5 } as const
export type SignalKind = keyof typeof SIGNAL_KINDS

/** Why a session came to nothing, as sent. */
export const SIGNAL_REFUSALS = {
  /** The forwarder has no open link to the relay that was called. */
  'signal-unreachable': 1,
  /** Too many sessions, or too many bytes. */
  'signal-limit': 2,
  /** The relay that was called takes no more links. */
  'signal-full': 3,
  /** The relay that was called, or the forwarder, does not do this. */
  'signal-off': 4,
  'signal-malformed': 5,
} as const
export type SignalRefusal = keyof typeof SIGNAL_REFUSALS

const KIND_NAMES = new Map(
  Object.entries(SIGNAL_KINDS).map(([name, id]) => [id as number, name as SignalKind]),
)

const kind: Codec<SignalKind> = {
  write: (writer, value) => {
    writer.u8(SIGNAL_KINDS[value])
  },
  read: (reader) => {
    const id = reader.u8()
    const name = KIND_NAMES.get(id)
    if (!name) throw new CodecError('codec-kind', `kind ${id} where 1 to 5 belong`)
    return name
  },
}

const signalLayout = struct({
  session: fixed(SIGNAL_SESSION_ID_BYTES),
  kind,
  from: fixed(MID_BYTES),
  to: fixed(MID_BYTES),
  message: u8,
  part: u8,
  parts: u8,
  piece: varlen16(SIGNAL_PART_BYTES),
})

/** One packet of signalling. What was read is views of the packet. */
export interface Signal {
  readonly session: Uint8Array
  readonly kind: SignalKind
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly message: number
  readonly part: number
  readonly parts: number
  readonly piece: Uint8Array
}

/** The body of a control packet with id 7. */
export function encodeSignal(signal: Signal): Uint8Array {
  return encode(signalLayout, signal)
}

/** @throws CodecError */
export function decodeSignal(body: Uint8Array): Signal {
  const signal = decode(signalLayout, body)
  if (signal.parts < 1 || signal.parts > SIGNAL_PARTS || signal.part >= signal.parts) {
    throw new CodecError('codec-count', `part ${signal.part} of ${signal.parts}`)
  }
  if (signal.message >= SIGNAL_MESSAGES) {
    throw new CodecError('codec-count', `message ${signal.message} of at most ${SIGNAL_MESSAGES}`)
  }
  return signal
}

/** The refusal's name, or undefined if it is none that we know. */
export function refusalOf(body: Uint8Array): SignalRefusal | undefined {
  const names = Object.keys(SIGNAL_REFUSALS) as SignalRefusal[]
  return names.find((name) => SIGNAL_REFUSALS[name] === body[0])
}
