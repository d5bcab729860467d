import { type Codec, list8, struct, u8, u16 } from '../bytes/codec.ts'
import { CodecError } from '../bytes/error.ts'
import { MAX_REFUSED_PORT_RANGES } from './constants.ts'

/** TCP ports from `from` to `to`, both included. */
export interface PortRange {
  readonly from: number
  readonly to: number
}

/** What an exit says that it lets out, in short: so that a client need not try what is refused anyway (requirement O-06). */
export interface ExitSummary {
  /** TCP connections. */
  readonly tcp: boolean
  /** Datagrams of BitTorrent. */
  readonly udp: boolean
  /** Packets of IPv8 to others. */
  readonly ipv8: boolean
  readonly ipv4: boolean
  readonly ipv6: boolean
  /** Up to 8 ranges of TCP ports that are refused, rising and apart. */
  readonly refusedTcpPorts: readonly PortRange[]
}

const TCP = 1
const UDP = 2
const IPV8 = 4
const IPV4 = 8
const IPV6 = 16

const wire = struct({
  flags: u8,
  refused: list8(struct({ from: u16, to: u16 }), MAX_REFUSED_PORT_RANGES),
})

/**
 * flags u8 (1 TCP, 2 datagrams, 4 IPv8, 8 IPv4, 16 IPv6; the others are for later), refused TCP ports (count u8 up to 8; each
 * first u16, last u16). All flags 0 for no exit.
 */
export const exitSummary: Codec<ExitSummary | undefined> = {
  write: (writer, summary) => {
    const bit = (flag: boolean | undefined, value: number) => (flag ? value : 0)
    const flags =
      bit(summary?.tcp, TCP) |
      bit(summary?.udp, UDP) |
      bit(summary?.ipv8, IPV8) |
      bit(summary?.ipv4, IPV4) |
      bit(summary?.ipv6, IPV6)
    const refused = (flags & (TCP | UDP | IPV8)) === 0 ? [] : [...(summary?.refusedTcpPorts ?? [])]
    wire.write(writer, { flags, refused: checkRanges(refused) })
  },
  read: (reader) => {
    const { flags, refused } = wire.read(reader)
    checkRanges(refused)
    if ((flags & (TCP | UDP | IPV8)) === 0) return undefined
    const has = (value: number) => (flags & value) !== 0
    return {
      tcp: has(TCP),
      udp: has(UDP),
      ipv8: has(IPV8),
      ipv4: has(IPV4),
      ipv6: has(IPV6),
      refusedTcpPorts: refused,
    }
  },
}

function checkRanges(ranges: PortRange[]): PortRange[] {
  let before = -1
  for (const { from, to } of ranges) {
    if (from <= before || to < from) {
      throw new CodecError('descriptor-policy', 'ranges of ports that rise and do not touch are needed')
    }
    before = to
  }
  return ranges
}

/**
 * Ports as ranges, for `refusedTcpPorts`. More than 8 ranges do not fit: what is left over is not told, and a connection there
 * is refused by the exit when it is tried.
 */
export function portRanges(ports: Iterable<number>): PortRange[] {
  const ranges: { from: number; to: number }[] = []
  for (const port of [...new Set(ports)].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last && port === last.to + 1) last.to = port
    else ranges.push({ from: port, to: port })
  }
  return ranges.slice(0, MAX_REFUSED_PORT_RANGES)
}

/** Whether an exit with this summary says that it opens TCP connections to a port, over that version of IP. */
export function letsOut(summary: ExitSummary, port: number, kind: 'ipv4' | 'ipv6'): boolean {
  return (
    summary.tcp &&
    summary[kind] &&
    !summary.refusedTcpPorts.some(({ from, to }) => port >= from && port <= to)
  )
}
