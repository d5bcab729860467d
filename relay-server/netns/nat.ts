import type { Namespace, Segment, Topology } from './namespaces.ts'

/** How a NAT maps and filters UDP (RFC 4787 §4 and §5, in the older words of RFC 3489 §5). */
export type NatKind = 'full-cone' | 'address-restricted' | 'port-restricted' | 'symmetric'

/** How long a mapping or a permission lasts without a packet from inside. RFC 4787 REQ-5 wants two minutes at least. */
const MAPPING_SECONDS = 120

/** The rules of one kind of NAT, in nftables' words, for a router with one host inside. */
interface Rules {
  /** A set's type, and what a packet from inside puts into it. */
  readonly remembers?: { readonly type: string; readonly element: string }
  /** Which packets from outside are let in besides the answers that Linux lets in by itself. */
  readonly letsIn?: string
  readonly masquerade: string
}

/**
 * Linux keeps a source port while it is free, so one mapping serves for all destinations, and lets in only what comes from an
 * address and port that was sent to: that is port-restricted. The others differ in one thing each.
 */
const RULES: Record<NatKind, Rules> = {
  'full-cone': {
    remembers: { type: 'inet_service', element: 'udp sport' },
    letsIn: 'udp dport @remembered',
    masquerade: 'masquerade',
  },
  'address-restricted': {
    remembers: { type: 'ipv4_addr . inet_service', element: 'ip daddr . udp sport' },
    letsIn: 'ip saddr . udp dport @remembered',
    masquerade: 'masquerade',
  },
  'port-restricted': { masquerade: 'masquerade' },
  // Another port for each destination: the port is drawn anew, and mappings are not shared.
  symmetric: { masquerade: 'masquerade fully-random' },
}

/** @param inside the host that packets which are let in go to */
function natRules(kind: NatKind, wan: string, inside: string): string {
  const { remembers, letsIn, masquerade } = RULES[kind]
  const chain = (name: string, type: string, priority: string, rule: string) =>
    `chain ${name} {\n type ${type} hook ${name} priority ${priority};\n ${rule}\n }`
  const parts = [
    chain('postrouting', 'nat', 'srcnat', `oifname "${wan}" ${masquerade}`),
    // What nobody asked for must leave no trace: if conntrack kept it as a connection with the router itself, its port
    // would be taken when the host inside sends to that neighbour, and the mapping would move.
    chain('input', 'filter', 'filter', `iifname "${wan}" drop`),
  ]
  if (remembers && letsIn) {
    const { type, element } = remembers
    const flags = `flags dynamic,timeout; timeout ${MAPPING_SECONDS}s; size 4096;`
    const update = `oifname "${wan}" meta l4proto udp update @remembered { ${element} }`
    parts.unshift(
      `set remembered { type ${type}; ${flags} }`,
      chain('forward', 'filter', 'filter', update),
      chain('prerouting', 'nat', 'dstnat', `iifname "${wan}" ${letsIn} dnat to ${inside}`),
    )
  }
  return `table ip nat_box {\n${parts.join('\n')}\n}`
}

export interface HostBehindNat {
  readonly host: Namespace
  readonly router: Namespace
  /** The host's own address. */
  readonly lan: string
  /** The router's address outside, which others see. */
  readonly wan: string
}

/**
 * A host with a NAT router before it.
 * @param index from 0 to 99: the host is 192.168.(100 + index).2
 * @param wanCidr the router's address in `outside`
 */
export function hostBehindNat(
  topology: Topology,
  outside: Segment,
  kind: NatKind,
  index: number,
  wanCidr: string,
): HostBehindNat {
  const host = topology.namespace(`host${index}`)
  const router = topology.router(`${kind}${index}`)
  const lanNetwork = `192.168.${100 + index}`
  const lan = `${lanNetwork}.2`
  topology.wire(host, `${lan}/24`, router, `${lanNetwork}.1/24`)
  host.defaultRoute(`${lanNetwork}.1`)
  router.nft(natRules(kind, outside.attach(router, wanCidr), lan))
  return { host, router, lan, wan: wanCidr.replace(/\/.*/, '') }
}
