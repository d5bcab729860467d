/** Reads what strace wrote of a process tree: which network addresses its system calls named. */

/** One destination that a process named to the kernel. */
export interface Connection {
  protocol: 'tcp' | 'udp' | 'other'
  /** As the kernel was told it: dotted quad, or IPv6 in its shortest form. */
  address: string
  port: number
  /**
   * True if anything could leave: a TCP connect, or a datagram sent. False for a UDP socket that was only connected,
   * which sends nothing: Chromium asks the kernel in this way which route an address would take.
   */
  sent: boolean
}

/** The system calls that can name a destination, or send to one named before. */
export const tracedCalls = ['connect', 'sendto', 'sendmsg', 'sendmmsg'] as const

const call = /^(\d+)\s+(connect|sendto|sendmsg|sendmmsg)\((\d+)(?:<((?:->|[^>])*)>)?/
/** The end of a call that another thread interrupted: message headers of sendmmsg are shown only here. */
const resumed = /^\d+\s+<\.\.\. (connect|sendto|sendmsg|sendmmsg) resumed>/
const ipv4 = /sa_family=AF_INET, sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]+)"\)/g
const ipv6 = /sa_family=AF_INET6, sin6_port=htons\((\d+)\).*?inet_pton\(AF_INET6, "([^"]+)"/g
/** How strace -yy shows a socket: `TCP:[12]`, `UDPv6:[[::1]:5->[::1]:6]`. */
const socketKind = /^(TCP|UDP)(?:v6)?:/

const protocolOf = (socket: string): Connection['protocol'] => {
  const kind = socketKind.exec(socket)?.[1]
  return kind === 'TCP' ? 'tcp' : kind === 'UDP' ? 'udp' : 'other'
}

const namedIn = (line: string) =>
  [...line.matchAll(ipv4), ...line.matchAll(ipv6)].map(([, port, address = '']) => ({
    address,
    port: Number(port),
  }))

/** All destinations of a trace, each once; one that was ever sent to counts as sent. */
export function connectionsOf(trace: string): Connection[] {
  const all = new Map<string, Connection>()
  /** By descriptor number: the UDP destinations that sockets of this number were connected to. */
  const connectedBefore = new Map<string, Connection[]>()
  const note = (connection: Connection) => {
    const key = `${connection.protocol} ${connection.address} ${connection.port}`
    const known = all.get(key) ?? connection
    all.set(key, known)
    known.sent ||= connection.sent
    return known
  }
  for (const line of trace.split('\n')) {
    const [, , name, descriptor = '', socket = ''] = call.exec(line) ?? []
    if (!name) {
      if (resumed.test(line))
        for (const named of namedIn(line)) note({ protocol: 'other', ...named, sent: true })
      continue
    }
    const protocol = protocolOf(socket)
    const sent = protocol !== 'udp' || name !== 'connect'
    const named = namedIn(line).map((to) => note({ protocol, ...to, sent }))
    if (name === 'connect' && protocol === 'udp') {
      connectedBefore.set(descriptor, [...(connectedBefore.get(descriptor) ?? []), ...named])
    } else if (named.length === 0 && protocol === 'udp') {
      // A datagram to wherever the socket was connected. Descriptor numbers of several processes fall together here,
      // so that a destination may be taken for sent to that was not, never the other way round.
      for (const connection of connectedBefore.get(descriptor) ?? []) connection.sent = true
    }
  }
  return [...all.values()]
}
