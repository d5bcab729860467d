import { CulvertError } from '../../shared/bytes/error.ts'
import { BRIDGE_BODY_BYTES } from '../../shared/link/bridge-limits.ts'

/** Where a page asks for a volunteer, at its own origin. */
const BRIDGE_PATH = '/bridge'
/** With the answer go a key and a few words. */
const ANSWER_BYTES = BRIDGE_BODY_BYTES + 1_024
const ASK_TIMEOUT_MS = 25_000

export interface BridgeAnswer {
  readonly sdp: string
  /** Of the relay that the volunteer leads to, 148 hex digits. */
  readonly publicKey: string
}

/**
 * Brings an offer to somebody who passes its page on, and the answer back.
 * @throws CulvertError `bridge-nobody`, `bridge-limit`, `bridge-failed`
 */
export type AskBridge = (offer: string) => Promise<BridgeAnswer>

const CODES: Readonly<Record<number, string>> = { 503: 'bridge-nobody', 429: 'bridge-limit' }

/** Asks at the page's own origin, which the visitor asked for the page itself. */
export function askAt(origin: string, fetcher: typeof fetch | undefined): AskBridge {
  return async (offer) => {
    if (!fetcher) throw failed('this browser has no fetch')
    const body = JSON.stringify({ sdp: offer })
    if (body.length > BRIDGE_BODY_BYTES) throw failed('an offer that is too long')
    let status: number
    let text: string
    try {
      const response = await fetcher(new URL(BRIDGE_PATH, origin), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        credentials: 'omit',
        redirect: 'error',
        cache: 'no-store',
        signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
      })
      status = response.status
      text = await response.text()
    } catch (cause) {
      throw failed('the site does not answer', cause)
    }
    if (status !== 200) throw new CulvertError(CODES[status] ?? 'bridge-failed', `the site says ${status}`)
    return answerOf(text)
  }
}

function answerOf(text: string): BridgeAnswer {
  if (text.length > ANSWER_BYTES) throw failed('an answer that is too long')
  try {
    const { sdp, publicKey } = JSON.parse(text) as Record<string, unknown>
    if (typeof sdp === 'string' && typeof publicKey === 'string') return { sdp, publicKey }
  } catch {
    // As below.
  }
  throw failed('an answer that is none')
}

function failed(message: string, cause?: unknown): CulvertError {
  return new CulvertError('bridge-failed', message, { cause })
}
