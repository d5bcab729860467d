import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { addressOf } from '../../shared/bytes/address.ts'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { listen, Recorder, testExit } from './exit.fixture.ts'
import { tcpOpener } from './tcp-exit.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function serve(onConnection: (socket: Socket) => void) {
  const listener = await listen(onConnection)
  closers.push(listener.stop)
  return listener
}

function exit(allowNetworks = ['127.0.0.0/8'], maxSockets?: number) {
  const parts = testExit(allowNetworks, maxSockets)
  return { ...parts, open: tcpOpener(parts) }
}

const utf8 = (text: string) => new TextEncoder().encode(text)

describe('TCP at the exit (C-07, O-06)', () => {
  it('opens, carries both ways and closes in order', async () => {
    const { address } = await serve((socket) => socket.pipe(socket))
    const { open, counters, sockets } = exit()
    const events = new Recorder()
    const stream = open(address, events)
    expect(stream.write(utf8('before it opened, '))).toBe(false)
    await events.until(() => events.said.includes('drained'))
    stream.write(utf8('and after'))
    stream.end()
    await events.until(() => events.end !== undefined)
    expect(events.text()).toBe('before it opened, and after')
    expect(events.said.filter((word) => word !== 'drained')).toEqual(['opened', 'ended', 'closed'])
    expect(events.end).toBe('orderly')
    expect(sockets.inUse).toBe(0)
    expect(counters.get('exit-tcp-opened')).toBe(1)
  })

  it('asks for a pause when many small writes wait, and goes on when they are done', async () => {
    const { address } = await serve((socket) => socket.pipe(socket))
    const events = new Recorder()
    const stream = exit().open(address, events)
    await events.until(() => events.said.includes('opened'))
    const byte = utf8('x')
    let writes = 0
    let drained = 0
    for (let round = 0; round < 3; round++) {
      let room = true
      for (let i = 0; room && i < 100_000; i++, writes++) room = stream.write(byte)
      expect(room).toBe(false)
      expect(writes).toBeLessThanOrEqual(1_024 * (round + 1))
      drained++
      await events.until(() => events.said.filter((word) => word === 'drained').length >= drained)
    }
    stream.end()
    await events.until(() => events.end !== undefined)
    expect(events.text()).toHaveLength(writes)
  })

  it('keeps the other direction open after either side has finished', async () => {
    const { address } = await serve((socket) => {
      socket.end('said first')
      let heard = ''
      socket.on('data', (chunk) => {
        heard += chunk
      })
      socket.on('end', () => heardAll(heard))
    })
    let heardAll: (text: string) => void = () => undefined
    const heard = new Promise<string>((resolve) => {
      heardAll = resolve
    })
    const events = new Recorder()
    const stream = exit().open(address, events)
    await events.until(() => events.said.includes('ended'))
    expect(events.text()).toBe('said first')
    expect(events.end).toBeUndefined()
    stream.write(utf8('answered later'))
    stream.end()
    expect(await heard).toBe('answered later')
    await events.until(() => events.end !== undefined)
    expect(events.end).toBe('orderly')
  })

  it('answers a side that has finished first', async () => {
    const { address } = await serve((socket) => {
      let heard = ''
      socket.on('data', (chunk) => {
        heard += chunk
      })
      socket.on('end', () => socket.end(`you said: ${heard}`))
    })
    const events = new Recorder()
    const stream = exit().open(address, events)
    stream.write(utf8('hello'))
    stream.end()
    await events.until(() => events.end !== undefined)
    expect(events.text()).toBe('you said: hello')
  })

  it('says that a connection was refused', async () => {
    const { address, stop } = await listen(() => undefined)
    await stop()
    const { open, sockets } = exit()
    const events = new Recorder()
    open(address, events)
    await events.until(() => events.end !== undefined)
    expect(events.end).toBe('connection-refused')
    expect(sockets.inUse).toBe(0)
  })

  it('says that a connection was reset, and resets one that is given up', async () => {
    const errors: string[] = []
    const { address } = await serve((socket) => {
      socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? ''))
      socket.on('data', (chunk) => {
        if (String(chunk) === 'reset me') socket.resetAndDestroy()
      })
    })
    const { open } = exit()
    const reset = new Recorder()
    open(address, reset).write(utf8('reset me'))
    await reset.until(() => reset.end !== undefined)
    expect(reset.end).toBe('connection-reset')

    const given = new Recorder()
    const stream = open(address, given)
    await given.until(() => given.said.includes('opened'))
    stream.destroy()
    stream.destroy()
    await given.until(() => given.end !== undefined)
    expect(given.end).toBe('orderly')
    expect(given.said.filter((word) => word === 'closed')).toHaveLength(1)
  })

  it('gives up on a connection that does not come within 10 s', async () => {
    const clock = new VirtualClock()
    const { sockets, ...parts } = testExit(['127.0.0.0/8'])
    const events = new Recorder()
    tcpOpener({ ...parts, sockets, clock })(addressOf('never.names.net', 80), events)
    clock.advance(9_999)
    expect(events.end).toBeUndefined()
    clock.advance(1)
    expect(events.end).toBe('timed-out')
    expect(sockets.inUse).toBe(0)
  })

  it('can be destroyed before its name is found', async () => {
    const { open } = exit()
    const events = new Recorder()
    const stream = open(addressOf('loop.names.net', 9), events)
    stream.destroy()
    expect(events.end).toBeUndefined()
    await events.until(() => events.end !== undefined)
    expect(events.said).toEqual(['closed'])
  })

  it('connects to the address that a name was found to be, the first that is allowed', async () => {
    const { address } = await serve((socket) => socket.end('here'))
    const { open } = exit()
    for (const name of ['loop.names.net', 'mixed.names.net']) {
      const events = new Recorder()
      open(addressOf(name, address.port), events).end()
      await events.until(() => events.end !== undefined)
      expect(events.text()).toBe('here')
    }
    const absent = new Recorder()
    open(addressOf('absent.names.net', address.port), absent)
    await absent.until(() => absent.end !== undefined)
    expect(absent.end).toBe('name-not-found')
  })

  it.each([
    '127.0.0.1',
    '10.0.0.1',
    '192.168.1.1',
    '172.16.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '0.0.0.0',
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::127.0.0.1',
    '2002:7f00:1::1',
    '64:ff9b::7f00:1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '017700000001',
    '127.1',
    '127.0.0.01',
    'localhost',
    'localhost.',
    'loop.names.net',
    'private.names.net',
    'mapped.names.net',
  ])('refuses %s', async (host) => {
    let connected = false
    const { address } = await serve(() => {
      connected = true
    })
    const events = new Recorder()
    exit([]).open(addressOf(host, address.port), events)
    await events.until(() => events.end !== undefined)
    expect(events.end).toBe('destination-refused')
    expect(connected).toBe(false)
  })

  it.each([25, 465, 587])('refuses mail port %i even where the network is allowed', async (port) => {
    const events = new Recorder()
    exit().open(addressOf('127.0.0.1', port), events)
    await events.until(() => events.end !== undefined)
    expect(events.end).toBe('destination-refused')
  })

  it('refuses more sockets than it may have, and counts', async () => {
    const { address } = await serve(() => undefined)
    const { open, counters } = exit(['127.0.0.0/8'], 1)
    const first = new Recorder()
    const stream = open(address, first)
    await first.until(() => first.said.includes('opened'))
    const second = new Recorder()
    open(address, second)
    await second.until(() => second.end !== undefined)
    expect(second.end).toBe('too-many-streams')
    expect(counters.get('exit-sockets-full')).toBe(1)
    stream.destroy()
    await first.until(() => first.end !== undefined)
  })

  it('connects from its own address', async () => {
    const parts = testExit(['127.0.0.0/8'])
    const open = tcpOpener({ ...parts, localIpv4: '127.0.0.14' })
    const { server, address } = await serve((socket) => socket.end())
    const connection = once(server, 'connection')
    const events = new Recorder()
    const stream = open(address, events)
    const [socket] = (await connection) as [Socket]
    expect(socket.remoteAddress).toBe('127.0.0.14')
    stream.end()
    await events.until(() => events.end !== undefined)
  })

  it('carries 20 MB whole past a slow reader, and makes the sender wait meanwhile', async () => {
    const total = 20 * 1024 * 1024
    const sent = createHash('sha1')
    let written = 0
    const { address } = await serve((socket) => {
      const more = () => {
        while (written < total) {
          const chunk = Buffer.alloc(64 * 1024, written / 65_536)
          written += chunk.length
          sent.update(chunk)
          if (!socket.write(chunk)) {
            socket.once('drain', more)
            return
          }
        }
        socket.end()
      }
      more()
    })
    const events = new Recorder()
    const stream = exit().open(address, events)
    stream.end()
    await events.until(() => events.bytes > 0)
    stream.pause()
    const before = events.bytes
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
    // What a paused socket had in hand may still come; the kernel keeps the rest, and then stops the sender.
    expect(events.bytes - before).toBeLessThan(1024 * 1024)
    expect(written).toBeLessThan(total)
    stream.resume()
    await events.until(() => events.end !== undefined)
    const received = createHash('sha1')
    for (const chunk of events.chunks) received.update(chunk)
    expect(events.bytes).toBe(total)
    expect(received.digest('hex')).toBe(sent.digest('hex'))
  })

  it('asks the owner to wait while the far side does not read', async () => {
    const far: Socket[] = []
    const { address } = await serve((socket) => {
      socket.pause()
      far.push(socket)
    })
    let untaken = -1
    const events = Object.assign(new Recorder(), {
      untaken: (bytes: number) => {
        untaken = bytes
      },
    })
    const stream = exit().open(address, events)
    await events.until(() => events.said.includes('opened'))
    const chunk = new Uint8Array(256 * 1024)
    let written = chunk.length
    while (stream.write(chunk)) {
      written += chunk.length
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(untaken).toBe(chunk.length)
    let read = 0
    far[0]?.on('data', (data) => {
      read += data.length
    })
    const finished = once(far[0] as Socket, 'end')
    far[0]?.resume()
    await events.until(() => events.said.includes('drained'))
    stream.end()
    await finished
    expect([read, untaken]).toEqual([written, 0])
    stream.destroy()
  })
})
