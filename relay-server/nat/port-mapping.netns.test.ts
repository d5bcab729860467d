import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import type { RelayConfigInput } from '../config.ts'
import { programArguments } from '../lab/child.ts'
import { type Namespace, type NetnsProcess, Topology } from '../netns/namespaces.ts'
import type { RelayStatus } from '../relay.ts'

const UDP_PORT = 6421
const GATEWAY_PORT = 8080
const WAN = '9.8.7.1'

let topology: Topology
let folder: string
let home: Namespace
let router: Namespace
let outside: Namespace
let lanDevice: string
let wanDevice: string
let daemon: NetnsProcess
let relay: NetnsProcess

/** What an ordinary home router does; and where miniupnpd writes what it was asked for. */
const routerRules = (wan: string) => `
table inet filter {
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname != "${wan}" accept
    jump miniupnpd
  }
  chain miniupnpd { }
  chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
  chain postrouting { type nat hook postrouting priority 100; jump postrouting_miniupnpd; oifname "${wan}" masquerade; }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
}`

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-mapping-'))
  topology = new Topology()
  home = topology.namespace('home')
  router = topology.router('router')
  outside = topology.namespace('outside')
  lanDevice = topology.wire(home, '192.168.50.2/24', router, '192.168.50.1/24').b
  wanDevice = topology.wire(router, `${WAN}/24`, outside, '9.8.7.2/24').a
  home.defaultRoute('192.168.50.1')
  router.nft(routerRules(wanDevice))
})

afterAll(() => {
  topology.close()
  rmSync(folder, { recursive: true, force: true })
})

async function until(predicate: () => boolean): Promise<void> {
  while (!predicate()) await new Promise((resolve) => setTimeout(resolve, 100))
}

afterEach(async () => {
  await end(relay)
  await end(daemon)
})

async function end(child: NetnsProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

function startMiniupnpd(protocol: 'natpmp' | 'upnp'): NetnsProcess {
  const path = join(folder, `${protocol}.conf`)
  const lines = [
    `ext_ifname=${wanDevice}`,
    `listening_ip=${lanDevice}`,
    `enable_natpmp=${protocol === 'natpmp' ? 'yes' : 'no'}`,
    `enable_upnp=${protocol === 'upnp' ? 'yes' : 'no'}`,
    'http_port=5000',
    'upnp_table_name=filter',
    'upnp_nat_table_name=filter',
    'upnp_forward_chain=miniupnpd',
    'upnp_nat_chain=prerouting_miniupnpd',
    'upnp_nat_postrouting_chain=postrouting_miniupnpd',
    'secure_mode=no',
    'uuid=5a1e4e0c-3f6b-4d7e-9a66-0d1f2c3b4a59',
    'allow 1024-65535 0.0.0.0/0 1024-65535',
  ]
  writeFileSync(path, `${lines.join('\n')}\n`)
  return router.spawn('/usr/sbin/miniupnpd', '-d', '-f', path, '-P', join(folder, `${protocol}.pid`))
}

function startRelay(): NetnsProcess {
  const config: RelayConfigInput = {
    identity: join(folder, 'relay.key'),
    network: 'mapping-test',
    bootstrapDefaults: false,
    discovery: { dht: { defaultRouters: false } },
    udp: { host: '0.0.0.0', port: UDP_PORT },
    gateway: { enabled: true, host: '0.0.0.0', port: GATEWAY_PORT },
  }
  const path = join(folder, 'relay.yaml')
  writeFileSync(path, stringify(config))
  return home.spawn(process.execPath, ...programArguments('sources'), 'run', '--config', path)
}

function statusOf(): RelayStatus | undefined {
  const program = `fetch('http://127.0.0.1:${GATEWAY_PORT}/status.json').then((r) => r.text()).then(console.log, () => console.log('null'))`
  return JSON.parse(home.run(process.execPath, '-e', program)) ?? undefined
}

function sendFromOutside(port: number): void {
  const program = `import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'hello', ('${WAN}', ${port}))`
  outside.run('python3', '-c', program)
}

const received = () => statusOf()?.counters['udp-received'] ?? 0

describe.each([
  { protocol: 'natpmp', state: 'nat-pmp', name: 'NAT-PMP' },
  { protocol: 'upnp', state: 'upnp', name: 'UPnP' },
] as const)('a port mapped by $name at a real router (N-10, L-01)', ({ protocol, state, name }) => {
  it('lets strangers reach the relay, and is gone when the relay has stopped', async () => {
    daemon = startMiniupnpd(protocol)
    relay = startRelay()
    let log = ''
    relay.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text
    })
    await until(() => log.includes('is up'))
    expect(received()).toBe(0)
    await until(() => log.includes('router'))
    expect(log).toContain(`the router sends this relay's port here (${name})\n`)
    expect(statusOf()?.portMapping).toBe(state)
    sendFromOutside(UDP_PORT)
    await until(() => received() === 1)
    const page = outside.run(
      process.execPath,
      '-e',
      `fetch('http://${WAN}:${GATEWAY_PORT}/healthz').then((r) => r.text()).then(console.log)`,
    )
    expect(page.trim()).toBe('ok')
    // That of TCP links: connecting fails the program where nobody listens.
    const connect = `import socket; socket.create_connection(('${WAN}', 6667), 10).close(); print('open')`
    expect(outside.run('python3', '-c', connect).trim()).toBe('open')
    expect(log).not.toMatch(/\d+\.\d+\.\d+\.\d+/)
    await end(relay)
    expect(router.run('nft', 'list', 'ruleset')).not.toContain(String(UDP_PORT))
  })
})

/** Answers every question with nothing at all, and every search with an endless page. */
const HOSTILE_ROUTER = `
import socket, threading
def endless():
    server = socket.create_server(('192.168.50.1', 5000))
    while True:
        peer, _ = server.accept()
        try:
            peer.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Type: text/xml\\r\\n\\r\\n<root>')
            while True: peer.sendall(b'<a>' * 65536)
        except OSError: pass
def search():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('', 1900))
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton('239.255.255.250') + socket.inet_aton('192.168.50.1'))
    target = 'urn:schemas-upnp-org:device:InternetGatewayDevice:2'
    while True:
        _, peer = s.recvfrom(2000)
        s.sendto(('HTTP/1.1 200 OK\\r\\nCACHE-CONTROL: max-age=120\\r\\nST: %s\\r\\nUSN: uuid:1::%s\\r\\nEXT:\\r\\nSERVER: x\\r\\nLOCATION: http://192.168.50.1:5000/x.xml\\r\\n\\r\\n' % (target, target)).encode(), peer)
        print('searched', flush=True)
threading.Thread(target=endless, daemon=True).start()
threading.Thread(target=search, daemon=True).start()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('192.168.50.1', 5351))
while True:
    _, peer = s.recvfrom(2000)
    if EMPTY: s.sendto(b'', peer)
    print('asked', flush=True)
`

describe.each([
  { answer: 'a datagram of no bytes', empty: 'True', heard: 'asked' },
  { answer: 'a description without an end', empty: 'False', heard: 'searched' },
])('a router that answers with $answer (O-06)', ({ empty, heard }) => {
  it('does no harm to the relay', async () => {
    daemon = router.spawn('python3', '-c', HOSTILE_ROUTER.replace('EMPTY', empty))
    let told = ''
    daemon.stdout.setEncoding('utf8').on('data', (text: string) => {
      told += text
    })
    relay = startRelay()
    let log = ''
    relay.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text
    })
    await until(() => log.includes('router'))
    expect(told).toContain(heard)
    expect(log).toContain('no router here maps ports')
    expect(statusOf()).toMatchObject({ portMapping: 'none' })
    expect(relay.exitCode).toBeNull()
  })
})
