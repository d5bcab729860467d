import { afterEach, describe, expect, it } from 'vitest'
import type { IpAddress } from '../../shared/bytes/address.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { type HiddenPath, HiddenStreams, setHiddenStreams } from './hidden-streams.ts'
import type { CircuitSocket } from './socket.ts'
import { connect, createServer } from './utp.ts'

/** Two pages' hidden streams, joined as if by an end-to-end circuit of 50 ms. */
function joined() {
  const clock = new VirtualClock()
  const world = { clock, random: new SeededRandom(4), counters: new Counters() }
  const there = new HiddenStreams(world)
  const here = new HiddenStreams(world)
  const address = (host: string): IpAddress => ({ kind: 'ipv4', host, port: 1024 })
  const path = (host: string, to: () => [HiddenStreams, HiddenPath]): HiddenPath => ({
    address: address(host),
    send: (data) => {
      const [streams, peer] = to()
      const copy = data.slice()
      clock.after(50, () => streams.receive(peer, copy))
      return true
    },
  })
  const far: HiddenPath = path('240.0.0.1', () => [there, near])
  const near: HiddenPath = path('240.0.0.2', () => [here, far])
  here.add(far)
  there.add(near)
  /** Lets microtasks, in which sockets speak, and virtual time pass by turns. */
  const pass = async (turns = 40) => {
    for (let i = 0; i < turns; i++) {
      await new Promise((resolve) => setImmediate(resolve))
      clock.advance(25)
    }
  }
  return { here, there, far, near, pass }
}

const textOf = (socket: CircuitSocket) => {
  const parts: string[] = []
  socket.on('data', (chunk) => parts.push(new TextDecoder().decode(chunk as Uint8Array)))
  socket.on('error', () => parts.push('error'))
  socket.on('close', () => parts.push('closed'))
  return parts
}

afterEach(() => setHiddenStreams(undefined))

describe('WebTorrent over end-to-end circuits (issue 3: hidden seeding)', () => {
  it('connects to a hidden peer, whose server is handed the connection', async () => {
    const { here, there, pass } = joined()
    setHiddenStreams(there)
    const incoming: CircuitSocket[] = []
    createServer()
      .on('connection', (socket: CircuitSocket) => incoming.push(socket))
      .listen(0)
    setHiddenStreams(here)
    const socket = connect(1024, '240.0.0.1')
    const heard = textOf(socket)
    socket.write(new TextEncoder().encode('from here'))
    await pass()
    const [other] = incoming
    expect(other?.remoteAddress).toBe('240.0.0.2')
    const heardThere = other ? textOf(other) : []
    other?.write(new TextEncoder().encode('from there'))
    await pass()
    expect(heardThere).toEqual(['from here'])
    expect(heard).toEqual(['from there'])
  })

  it('refuses virtual addresses that are nobody’s, and who is not listened for', async () => {
    const { here, pass } = joined()
    setHiddenStreams(here)
    expect(here.knows('240.0.0.1')).toBe(true)
    expect(here.knows('240.0.0.9')).toBe(false)
    const nobody = textOf(connect(1024, '240.0.0.9'))
    const deaf = textOf(connect(1024, '240.0.0.1'))
    await pass()
    expect(nobody).toEqual(['error', 'closed'])
    expect(deaf).toEqual(['error', 'closed'])
  })

  it('ends connections with their circuit', async () => {
    const { here, there, far, pass } = joined()
    there.onConnection = () => undefined
    setHiddenStreams(here)
    const heard = textOf(connect(1024, '240.0.0.1'))
    await pass()
    here.remove(far)
    await pass()
    expect(heard.at(-1)).toBe('closed')
    expect(here.knows('240.0.0.1')).toBe(false)
  })
})
