import { describe, expect, test } from 'vitest'
import { connectionsOf } from './trace.ts'

describe("the reading of strace's record (W-03)", () => {
  test('names IPv4 and IPv6 destinations of TCP, refused or not', () => {
    const trace = `
10 connect(5<TCP:[77]>, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("192.0.2.1")}, 16) = -1 EINPROGRESS (Operation now in progress)
11 connect(6<TCPv6:[78]>, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28 <unfinished ...>`
    expect(connectionsOf(trace)).toEqual([
      { protocol: 'tcp', address: '192.0.2.1', port: 443, sent: true },
      { protocol: 'tcp', address: '2001:db8::1', port: 80, sent: true },
    ])
  })

  test('tells a UDP socket that was only connected from one that was used', () => {
    const connect = `10 connect(18<UDP:[0.0.0.0:9]>, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.53")}, 16) = 0`
    const send = `10 sendto(18<UDP:[0.0.0.0:9]>, ""..., 39, 0, NULL, 0) = 39`
    const named = { protocol: 'udp', address: '192.0.2.53', port: 53 }
    expect(connectionsOf(connect)).toEqual([{ ...named, sent: false }])
    expect(connectionsOf(`${connect}\n${send}`)).toEqual([{ ...named, sent: true }])
    expect(connectionsOf(`${send}\n${connect}`)).toEqual([{ ...named, sent: false }])
  })

  test('reads destinations of single datagrams and of message headers, also of interrupted calls', () => {
    const trace = `
10 sendto(21<UDP:[0.0.0.0:4]>, ""..., 20, 0, {sa_family=AF_INET, sin_port=htons(3478), sin_addr=inet_addr("192.0.2.4")}, 16) = 20
10 sendmsg(21<UDP:[0.0.0.0:4]>, {msg_name={sa_family=AF_INET, sin_port=htons(3479), sin_addr=inet_addr("192.0.2.5")}, msg_namelen=16}, 0) = 20
11 sendmmsg(22<UDP:[192.0.2.2:60706->192.0.2.53:53]>,  <unfinished ...>
11 <... sendmmsg resumed>[{msg_hdr={msg_name={sa_family=AF_INET, sin_port=htons(3480), sin_addr=inet_addr("192.0.2.6")}}}], 1, 0) = 1`
    expect(connectionsOf(trace).map(({ address, port }) => `${address}:${port}`)).toEqual([
      '192.0.2.4:3478',
      '192.0.2.5:3479',
      '192.0.2.6:3480',
    ])
  })

  test('leaves out sockets between processes of one machine', () => {
    const trace = `
10 sendmsg(12<UNIX:[1->2]>, {msg_name=NULL, msg_namelen=0, msg_iov=[...], msg_iovlen=1, msg_controllen=0, msg_flags=0}, MSG_NOSIGNAL) = 8
10 connect(5<UNIX-STREAM:[3]>, {sa_family=AF_UNIX, sun_path="/run/x"}, 110) = 0
10 sendto(32<NETLINK:[ROUTE:1]>, ..., 17, 0, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 17`
    expect(connectionsOf(trace)).toEqual([])
  })
})
