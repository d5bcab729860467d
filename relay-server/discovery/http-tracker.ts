import * as http from 'node:http'
import * as https from 'node:https'
import type { IpAddress } from '../../shared/bytes/address.ts'
import { CodecError } from '../../shared/bytes/error.ts'
import { type AnnounceAnswer, announceUrl, readHttpAnswer } from '../../shared/discovery/tracker-wire.ts'
import { TRACKER_LIMITS } from './constants.ts'
import { TrackerError, type TrackerRequest, type TrackerWorld, untilAborted } from './tracker-request.ts'

/**
 * Announces to an HTTP or HTTPS tracker (BEP 3). Connects to addresses that were judged, never by name; follows few
 * redirects, each judged anew; reads no more than 64 KiB; ends after 30 s.
 * @throws TrackerError
 */
export async function announceHttp(
  { url, announce, trackerId }: TrackerRequest,
  world: TrackerWorld,
): Promise<AnnounceAnswer> {
  const signal = AbortSignal.any([world.signal, AbortSignal.timeout(TRACKER_LIMITS.timeoutMs)])
  let target = new URL(announceUrl(url.href, announce, trackerId))
  for (let redirects = 0; redirects <= TRACKER_LIMITS.redirects; redirects++) {
    const answer = await get(target, signal, world, redirects > 0)
    if ('body' in answer) return read(answer.body)
    target = answer.redirect
  }
  throw new TrackerError('tracker-answer', 'the tracker redirects too often')
}

function read(body: Uint8Array): AnnounceAnswer {
  try {
    return readHttpAnswer(body)
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause
    const code = cause.code === 'tracker-refused' ? cause.code : 'tracker-answer'
    throw new TrackerError(code, `the tracker's answer: ${cause.message}`, { cause })
  }
}

type Answer = { readonly body: Uint8Array } | { readonly redirect: URL }

/** Asks the addresses of the tracker one after the other, until one answers. */
async function get(url: URL, signal: AbortSignal, world: TrackerWorld, redirected: boolean): Promise<Answer> {
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  const found = world.resolve(url.hostname.replace(/^\[|\]$/g, ''), port, redirected)
  const addresses = (await untilAborted(found, signal)).slice(0, TRACKER_LIMITS.addresses)
  let failure = new TrackerError('tracker-address', 'the tracker has no address to ask')
  for (const address of addresses) {
    // Whoever is silent leaves time for the others.
    const turn = AbortSignal.any([signal, AbortSignal.timeout(TRACKER_LIMITS.timeoutMs / addresses.length)])
    try {
      return await getAt(address, url, turn, world.from(address.kind))
    } catch (error) {
      const isOver = signal.aborted || !(error instanceof TrackerError) || error.code === 'tracker-answer'
      if (isOver) throw error
      failure = error
    }
  }
  throw failure
}

function getAt(
  address: IpAddress,
  url: URL,
  signal: AbortSignal,
  localAddress: string | undefined,
): Promise<Answer> {
  const client = url.protocol === 'https:' ? https : http
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => {
      const [code, what] = signal.aborted
        ? ['tracker-timeout', 'the tracker did not answer in time']
        : ['tracker-unreachable', `the tracker cannot be reached: ${cause.message}`]
      reject(cause instanceof TrackerError ? cause : new TrackerError(code, what, { cause }))
    }
    const answered = (response: http.IncomingMessage) => {
      const { statusCode = 0, headers } = response
      const redirect = statusCode >= 300 && statusCode < 400 ? redirectOf(headers.location, url) : undefined
      if (statusCode === 200) collect(response).then((body) => resolve({ body }), fail)
      else if (redirect) resolve({ redirect })
      else fail(new TrackerError('tracker-answer', `the tracker answered with status ${statusCode}`))
      if (statusCode !== 200) response.destroy()
    }
    try {
      const request = client.get(url, {
        // The address that was judged, whatever the name means by now.
        lookup: (_host, options, done) => giveAddress(address, options, done),
        agent: false,
        ...(localAddress === undefined ? {} : { localAddress }),
        signal,
        maxHeaderSize: 16_384,
        headers: { 'user-agent': 'culvert', 'accept-encoding': 'identity', connection: 'close' },
      })
      request.on('error', fail).on('response', answered)
    } catch (cause) {
      // A URL may be well-formed, and yet nothing that can be asked.
      fail(cause instanceof Error ? cause : new TrackerError('tracker-unreachable', String(cause)))
    }
  })
}

function giveAddress(
  { host, kind }: IpAddress,
  options: { all?: boolean | undefined },
  done: (error: null, address: never, family?: number) => void,
): void {
  const family = kind === 'ipv4' ? 4 : 6
  if (options.all) done(null, [{ address: host, family }] as never)
  else done(null, host as never, family)
}

function redirectOf(location: string | undefined, from: URL): URL | undefined {
  if (location === undefined || location.length > 2_048 || !URL.canParse(location, from)) return undefined
  const url = new URL(location, from)
  // A name and a password have no place in what a tracker says, and need not even be text.
  if (url.username !== '' || url.password !== '') return undefined
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined
}

async function collect(response: http.IncomingMessage): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response as AsyncIterable<Uint8Array>) {
    bytes += part.length
    if (bytes > TRACKER_LIMITS.answerBytes) {
      response.destroy()
      throw new TrackerError('tracker-answer', 'the tracker answers too much')
    }
    parts.push(part)
  }
  return new Uint8Array(Buffer.concat(parts))
}
