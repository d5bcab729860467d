import { concat, fromHex } from '../bytes/bytes.ts'
import { CodecError } from '../bytes/error.ts'
import { ADDRESS_CANDIDATES, type CandidatePolicy, hasAddress, usableCandidate } from './candidates.ts'
import { MESSAGE_BYTES } from './constants.ts'
import { SIGNAL_MESSAGE_BYTES } from './signalling-limits.ts'

/** Candidates of one description; a machine has a few addresses. */
export const DESCRIPTION_CANDIDATES = 16
const MAX_LINES = 64

/** Lines that a description of a data channel has, and of which kind there must be exactly one (RFC 8841, RFC 8122, RFC 8839). */
const SINGLE = {
  media: /^m=application \d{1,5} UDP\/DTLS\/SCTP webrtc-datachannel$/,
  ufrag: /^a=ice-ufrag:[A-Za-z0-9+/]{4,256}$/,
  password: /^a=ice-pwd:[A-Za-z0-9+/]{22,256}$/,
  fingerprint: /^a=fingerprint:sha-256 ([0-9A-F]{2}(?::[0-9A-F]{2}){31})$/i,
  setup: /^a=setup:(actpass|active|passive)$/,
  mid: /^a=mid:[A-Za-z0-9]{1,3}$/,
} as const
/** The longest message that one takes; 0 is no limit, and without the line it is 65,536 (RFC 8841 §6). */
const MESSAGE_SIZE = /^a=max-message-size:(\d{1,10})$/
/** Lines that may be there, and are passed on. */
const OTHERS: readonly RegExp[] = [
  /^v=0$/,
  /^o=\S{1,64} \d{1,20} \d{1,20} IN IP[46] [0-9A-Fa-f.:]{1,45}$/,
  /^s=\S{0,32}$/,
  /^t=0 0$/,
  /^c=IN IP[46] [0-9A-Fa-f.:]{1,45}$/,
  /^a=group:BUNDLE [A-Za-z0-9]{1,3}$/,
  /^a=sendrecv$/,
  /^a=ice-options:[a-z0-9, -]{1,64}$/,
  /^a=sctp-port:\d{1,5}$/,
  MESSAGE_SIZE,
  /^a=end-of-candidates$/,
]
/** Anything that begins like this but is not as above makes the description refused, not shortened. */
const MEANT = ['m=', 'a=ice-ufrag', 'a=ice-pwd', 'a=fingerprint', 'a=setup', 'a=mid']

/**
 * The session description of one data channel, made of nothing but lines that are known: with one ICE user, one DTLS SHA-256
 * fingerprint and one media section, and with those of its candidates that the policy lets through. The default address (`c=` and
 * the port of `m=`), which may be one behind a NAT, becomes none, as in RFC 8838 §4.1.1. For descriptions that come in, and for
 * those that go out.
 * @throws CodecError `sdp-…`
 */
export function checkedDescription(sdp: string, policy: CandidatePolicy): string {
  if (sdp.length > SIGNAL_MESSAGE_BYTES) throw new CodecError('sdp-length', 'a description that is too long')
  const lines = sdp.split(/\r?\n/).filter((line) => line !== '')
  if (lines.length > MAX_LINES) throw new CodecError('sdp-length', 'a description of too many lines')
  const found = new Set<string>()
  const kept: string[] = []
  let candidates = 0
  let addresses = 0
  for (const line of lines) {
    const single = Object.entries(SINGLE).find(([, pattern]) => pattern.test(line))?.[0]
    if (single) {
      if (found.has(single)) throw new CodecError('sdp-twice', `a description with ${single} twice`)
      found.add(single)
      kept.push(line.replace(/^m=application \d+/, 'm=application 9'))
    } else if (MEANT.some((start) => line.startsWith(start))) {
      throw new CodecError('sdp-line', 'a description with a line that is not as it must be')
    } else if (line.startsWith('a=candidate:')) {
      const candidate = usableCandidate(line, policy)
      if (!candidate || ++candidates > DESCRIPTION_CANDIDATES) continue
      if (!hasAddress(candidate) || ++addresses <= ADDRESS_CANDIDATES) kept.push(`a=${candidate}`)
    } else if (takesTooLittle(line)) {
      throw new CodecError('sdp-message-size', 'a description of one who takes no messages of a link')
    } else if (OTHERS.some((pattern) => pattern.test(line))) {
      kept.push(line.replace(/^c=.*/, 'c=IN IP4 0.0.0.0'))
    }
  }
  for (const name of Object.keys(SINGLE)) {
    if (!found.has(name)) throw new CodecError('sdp-missing', `a description without ${name}`)
  }
  return `${kept.join('\r\n')}\r\n`
}

/** Whether a link's longest message is longer than what is taken: libraries throw at one who sends it. */
function takesTooLittle(line: string): boolean {
  const bytes = Number(MESSAGE_SIZE.exec(line)?.[1] ?? 0)
  return bytes > 0 && bytes < MESSAGE_BYTES
}

/**
 * The SHA-256 of the DTLS certificate that a description stands for, 32 bytes (RFC 8122).
 * @throws CodecError `sdp-fingerprint` unless there is exactly one
 */
export function fingerprintOf(sdp: string): Uint8Array {
  const lines = sdp.split(/\r?\n/).filter((line) => line.startsWith('a=fingerprint:'))
  const [, digits] = SINGLE.fingerprint.exec(lines[0] ?? '') ?? []
  if (lines.length !== 1 || !digits) {
    throw new CodecError('sdp-fingerprint', 'a description without one SHA-256 fingerprint')
  }
  return fromHex(digits.replaceAll(':', ''))
}

/** What binds a link to its DTLS connection, 64 bytes: both fingerprints, that of the caller first (BINDINGS.dtlsFingerprints). */
export function webrtcBinding(callerSdp: string, calledSdp: string): Uint8Array {
  return concat(fingerprintOf(callerSdp), fingerprintOf(calledSdp))
}

/** How many addresses the candidates of a checked description have. */
export function addressesIn(sdp: string): number {
  return sdp.split('\r\n').filter((line) => line.startsWith('a=candidate:') && hasAddress(line)).length
}

/** The `a=mid` of the one media section, which candidates that come later are for. */
export function mediaIdOf(sdp: string): string {
  return /^a=mid:([A-Za-z0-9]{1,3})\r?$/m.exec(sdp)?.[1] ?? '0'
}
