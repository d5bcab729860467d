import type { IpAddress } from '../bytes/address.ts'
import { toHex } from '../bytes/bytes.ts'
import { siteOf } from '../ipv8/network-of.ts'
import { below, fraction, type Random, shuffled } from '../world/random.ts'
import type { ExitProbeSettings } from './exit-probe-constants.ts'
import type { ProbeRelay } from './exit-probe-ports.ts'

const texts = new WeakMap<object, string>()

/** Map key of a relay. */
export function relayText({ publicKey }: ProbeRelay): string {
  let text = texts.get(publicKey)
  if (text === undefined) {
    text = toHex(publicKey.mid)
    texts.set(publicKey, text)
  }
  return text
}

export interface ProbePathRequest {
  readonly candidate: ProbeRelay
  /** The others, the best of them first in no order: those that are trusted, if there are enough. */
  readonly others: readonly ProbeRelay[]
  /** Our own addresses, as exits reach them. */
  readonly echoes: readonly IpAddress[]
  mayShare(a: ProbeRelay, b: ProbeRelay): boolean
  readonly random: Random
  readonly settings: ExitProbeSettings
}

export interface ProbePath {
  readonly path: readonly ProbeRelay[]
  /** Where the exit at its end is to send to; undefined if the last hop itself is asked. */
  readonly destination: IpAddress | undefined
  /** The same without the relay that is probed, and where its end sends to. */
  readonly control: readonly ProbeRelay[]
  readonly controlDestination: IpAddress | undefined
}

/**
 * A path of two or three hops by chance, as users' are: an exit at its end mostly, else in the middle with another exit behind it.
 * Never alone, since then nobody else could be the cause of a failure. Undefined if there is no such path.
 */
export function probePath(request: ProbePathRequest): ProbePath | undefined {
  const { candidate, random, settings, echoes } = request
  const destination = candidate.exit ? echoFor(candidate, echoes) : undefined
  if (destination !== undefined && fraction(random) >= settings.middleChance) {
    const before = companions(request, fraction(random) < settings.shortChance ? 1 : 2)
    if (before.length === 0) return undefined
    return { path: [...before, candidate], destination, control: before, controlDestination: undefined }
  }
  const exit = companions(
    { ...request, others: request.others.filter((each) => isEchoed(each, echoes)) },
    1,
  )[0]
  const last = exit ?? companions(request, 1)[0]
  if (last === undefined) return undefined
  const isFit = (relay: ProbeRelay) => relay !== last && request.mayShare(relay, last)
  const [first] = companions({ ...request, others: request.others.filter(isFit) }, 1)
  if (first === undefined) return undefined
  const end = echoFor(last, echoes)
  return {
    path: [first, candidate, last],
    destination: end,
    control: [first, last],
    controlDestination: end,
  }
}

/** Up to so many others, each by chance, that may share a circuit with the relay and with each other. */
function companions(request: ProbePathRequest, count: number): ProbeRelay[] {
  const { candidate, others, mayShare, random } = request
  const chosen: ProbeRelay[] = []
  for (const each of shuffled(random, others)) {
    if (chosen.length === count) break
    if ([candidate, ...chosen].every((hop) => mayShare(each, hop))) chosen.push(each)
  }
  return chosen
}

function isEchoed(relay: ProbeRelay, echoes: readonly IpAddress[]): boolean {
  return echoFor(relay, echoes) !== undefined
}

/**
 * Our address of a family in which the exit claims one too, since of other families nothing could be said; and none of its own
 * machine, where exits let nobody in.
 */
export function echoFor(
  exit: ProbeRelay,
  echoes: readonly IpAddress[],
  protocol: 'tcp' | 'udp' = 'udp',
): IpAddress | undefined {
  if (!exit.exit) return undefined
  const isFit = (echo: IpAddress) =>
    exit.claimed.some(({ kind }) => kind === echo.kind) &&
    exit.claimed.every((claimed) => siteOf(claimed) !== siteOf(echo)) &&
    (exit.letsOut?.(echo, protocol) ?? true)
  return echoes.find(isFit)
}

/** Milliseconds around `meanMs`: from half of it to one and a half. */
export function jittered(random: Random, meanMs: number): number {
  return meanMs / 2 + below(random, Math.max(1, Math.round(meanMs)))
}
