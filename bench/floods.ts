import { sodiumAead } from '../relay-server/crypto/sodium-aead.ts'
import { sodiumCurves } from '../relay-server/crypto/sodium-curves.ts'
import { useCurves } from '../shared/crypto/curves.ts'
import { FLOOD_RATE, FLOOD_SECONDS, FLOODS, FloodWorld } from '../shared/sim/fuzz/floods.fixture.ts'
import { median } from './report.ts'

// `npx tsx bench/floods.ts`: what a flood of 1,000 packets a second from one source costs a relay, next to an honest circuit of as many
// cells a second (medians of five rounds); and how many bytes it gets back for those that it brings.

useCurves(sodiumCurves)
const COUNT = FLOOD_RATE * FLOOD_SECONDS
const CELL_PAYLOAD = new Uint8Array(1_300).fill(100)
const ECHO = { kind: 'ipv4', host: '203.0.113.9', port: 99 } as const

function cpuMs(action: () => void): number {
  const before = process.cpuUsage()
  action()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** An honest circuit: built, then a cell of 1,300 bytes out and one back a millisecond. The relay's part of the time alone. */
function honestMs(): number {
  const world = new FloodWorld(sodiumAead)
  let relay = 0
  const receive = world.node.receive.bind(world.node)
  world.node.receive = (link, packet) => {
    const started = performance.now()
    receive(link, packet)
    relay += performance.now() - started
  }
  const circuit = world.honest()
  for (let i = 0; i < COUNT; i++) {
    circuit.sendDatagram(ECHO, CELL_PAYLOAD)
    world.clock.advance(1_000 / FLOOD_RATE)
  }
  return relay
}

/** Time alone, without the packets' making and the clock's turning. */
function idleMs(): number {
  const world = new FloodWorld(sodiumAead)
  return cpuMs(() => {
    for (let i = 0; i < COUNT; i++) world.clock.advance(1_000 / FLOOD_RATE)
  })
}

const ROUNDS = 5
const honest: number[] = []
const floods = FLOODS.map(({ name }) => ({ name, ms: [] as number[], back: 0 }))
honestMs()
for (let round = 0; round < ROUNDS; round++) {
  const idle = idleMs()
  honest.push(honestMs())
  FLOODS.forEach((flood, i) => {
    const world = new FloodWorld(sodiumAead)
    const packets = flood.packets(world, COUNT)
    world.source.bytes = 0
    world.others.bytes = 0
    const brought = packets.reduce((sum, packet) => sum + packet.length, 0)
    floods[i]?.ms.push(Math.max(0, cpuMs(() => world.flood(packets)) - idle))
    if (floods[i]) floods[i].back = (world.source.bytes + world.others.bytes) / brought
  })
}
const share = (ms: number) => `${(ms / FLOOD_SECONDS / 10).toFixed(2)} %`
const ofHonest = (ms: number) => (ms / median(honest)).toFixed(2)
console.log(
  `| ${FLOOD_RATE} packets a second from one source | of one core | of the honest circuit | bytes sent for each brought |`,
)
console.log('| --- | ---: | ---: | ---: |')
console.log(
  `| an honest circuit, ${FLOOD_RATE} cells a second there and back | ${share(median(honest))} | 1.00 | |`,
)
for (const { name, ms, back } of floods) {
  console.log(`| ${name} | ${share(median(ms))} | ${ofHonest(median(ms))} | ${back.toFixed(2)} |`)
}
process.exit()
