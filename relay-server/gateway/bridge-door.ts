import type { IncomingMessage } from 'node:http'
import { toHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { PublicKey } from '../../shared/identity/keys.ts'
import { BRIDGE_BODY_BYTES } from '../../shared/link/bridge-limits.ts'
import { neighbourOf } from './admission.ts'

/**
 * Finds a page that passes another on.
 * @param asker one IPv4 address, or the first half of an IPv6 one
 * @param offer a session description with its candidates
 * @returns the answer to it
 * @throws CulvertError as BridgeBroker.ask
 */
export type AskBridge = (asker: string, offer: string) => Promise<string>

export interface BridgeAnswer {
  readonly status: number
  /** `{sdp, publicKey}`, or `{error, message}`. */
  readonly body: unknown
}

const CUT_OFF_BYTES = 8 * BRIDGE_BODY_BYTES

const STATUS: Readonly<Record<string, number>> = {
  'bridge-origin': 403,
  'bridge-malformed': 400,
  'bridge-too-long': 413,
  'bridge-limit': 429,
  'bridge-nobody': 503,
}

/**
 * Answers POST /bridge: `{sdp}` in JSON, at most 8 KiB, from a page of this very origin; another's would have to ask first
 * (the content type is none of those that go without), and gets no answer to that.
 */
export async function answerBridge(
  request: IncomingMessage,
  ask: AskBridge,
  publicKey: PublicKey,
): Promise<BridgeAnswer> {
  try {
    if (!isSameOrigin(request)) throw new CulvertError('bridge-origin', 'only for pages that came from here')
    const offer = offerOf(await bodyOf(request))
    const sdp = await ask(neighbourOf(request.socket.remoteAddress ?? ''), offer)
    return { status: 200, body: { sdp, publicKey: toHex(publicKey.bytes) } }
  } catch (error) {
    if (!(error instanceof CulvertError)) throw error
    return { status: STATUS[error.code] ?? 500, body: { error: error.code, message: error.message } }
  }
}

function isSameOrigin({ headers }: IncomingMessage): boolean {
  const { host, origin } = headers
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/json') return false
  // A program that is no browser sends none.
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)
}

/** What is somewhat too long is read to its end, so that the answer is heard; what is much too long is cut off. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      bytes += part.length
      if (bytes <= BRIDGE_BODY_BYTES) parts.push(part)
      else if (bytes > CUT_OFF_BYTES) break
    }
  } catch (cause) {
    throw new CulvertError('bridge-malformed', 'the offer did not come whole', { cause })
  }
  if (bytes > BRIDGE_BODY_BYTES) throw new CulvertError('bridge-too-long', 'an offer has at most 8 KiB')
  return Buffer.concat(parts).toString('utf8')
}

function offerOf(body: string): string {
  try {
    const { sdp } = JSON.parse(body) as { sdp?: unknown }
    if (typeof sdp === 'string') return sdp
  } catch {
    // As below.
  }
  throw new CulvertError('bridge-malformed', 'an offer is {"sdp": "…"}')
}
