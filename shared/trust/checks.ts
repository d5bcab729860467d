import { ed25519 } from '@noble/curves/ed25519.js'
import type { Address, IpAddress } from '../bytes/address.ts'
import { inNetwork, ipBytes, type Network, parseNetwork } from '../ipv8/network.ts'
import { ExitPolicy } from '../onion/exit-policy.ts'
import { CHECK_DEFAULTS, type CheckSettings } from './constants.ts'
import { CHECK_NAMES, type Checks, type VerdictClass } from './verdict.ts'

/** Bits of all five checks, as they travel in an `Opinion`. */
export const ALL_CHECKS = (1 << CHECK_NAMES.length) - 1

/** Checks passed, one bit each. */
export function checkBits(checks: Checks): number {
  return CHECK_NAMES.reduce((bits, name, i) => bits | (checks[name] === true ? 1 << i : 0), 0)
}

/** Checks from their bits: what is not in `done` was not done. */
export function checksOf(bits: number, done: number = ALL_CHECKS): Checks {
  const of = (i: number) => ((done >> i) & 1 ? ((bits >> i) & 1) === 1 : undefined)
  return { address: of(0), port: of(1), key: of(2), answer: of(3), proof: of(4) }
}

/**
 * A fifth for each check passed. Counted first and divided once, so that four are 0.8 and not a little less or more, as sums of
 * 0.2 would be.
 */
export function scoreOf(checks: Checks): number {
  return CHECK_NAMES.filter((name) => checks[name] === true).length / CHECK_NAMES.length
}

export function isComplete(checks: Checks): boolean {
  return CHECK_NAMES.every((name) => checks[name] !== undefined)
}

/** The class of a score (D-06). */
export function classOf(checks: Checks, settings: CheckSettings = CHECK_DEFAULTS): VerdictClass {
  if (!isComplete(checks)) return 'unchecked'
  const score = scoreOf(checks)
  if (score >= settings.highFrom) return 'high'
  if (score >= settings.mediumFrom) return 'medium'
  return score >= settings.lowFrom ? 'low' : 'spy'
}

/** Whether these 32 bytes are an Ed25519 public key that can prove anything: a point, canonically written, not of small order. */
export function isValidKey(bytes: Uint8Array): boolean {
  try {
    return bytes.length === 32 && !ed25519.Point.fromBytes(bytes, false).isSmallOrder()
  } catch {
    return false
  }
}

export interface CheckRulesOptions {
  readonly settings?: Partial<CheckSettings>
  /** Networks that count as public although they are not, e.g. `127.0.0.0/8` in the lab. */
  readonly allowNetworks?: readonly string[]
}

/** The checks that need nobody's answer. */
export class CheckRules {
  readonly settings: CheckSettings
  private readonly policy: ExitPolicy
  private readonly allowed: readonly Network[]

  /** @throws CulvertError `network-malformed` */
  constructor({ settings, allowNetworks = [] }: CheckRulesOptions = {}) {
    this.settings = { ...CHECK_DEFAULTS, ...settings }
    this.policy = new ExitPolicy({ allowNetworks })
    this.allowed = allowNetworks.map(parseNetwork)
  }

  /** Neither private, loopback, link-local, carrier-grade NAT, multicast, reserved nor for documentation, or in a network that is allowed. */
  isPublic(address: IpAddress): boolean {
    const anyPort = { ...address, port: 1 }
    return this.policy.judge(anyPort, 'udp') === 'allowed'
  }

  scoreOf(checks: Checks): number {
    return scoreOf(checks)
  }

  classOf(checks: Checks): VerdictClass {
    return classOf(checks, this.settings)
  }

  isPort(port: number): boolean {
    return port >= this.settings.lowestPort && port <= this.settings.highestPort
  }

  /** Whether it is in one of the networks that are allowed by name: a lab, where one host is many relays. */
  isLab(address: Address): boolean {
    const bytes = address.kind === 'domain' ? undefined : ipBytes(address)
    return bytes !== undefined && this.allowed.some((network) => inNetwork(bytes, network))
  }
}
