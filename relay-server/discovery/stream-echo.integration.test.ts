import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { StreamEcho } from './stream-echo.ts'

const HOST = '127.0.0.1'
/** What the listener waits for, in this test. */
const HELLO = 0x13
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function listener(): Promise<StreamEcho> {
  const echo = await StreamEcho.listen(HOST, 0, (_from, connection) => (bytes) => {
    if (bytes[0] === HELLO) connection.send(Uint8Array.of(HELLO))
  })
  if (echo === undefined) throw new Error('no listener')
  cleanups.push(() => echo.stop())
  return echo
}

async function visitor(port: number, localAddress: string): Promise<Socket> {
  const socket = connect({ port, host: HOST, localAddress })
  socket.on('error', () => undefined)
  cleanups.push(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

describe('the TCP listener of probes (D-06, D-10)', () => {
  it('has room for an exit while others hold connections open and say nothing', async () => {
    const { port } = await listener()
    for (let i = 0; i < 300; i++) await visitor(port, `127.0.${1 + (i >> 3)}.1`)
    const exit = await visitor(port, '127.9.9.9')
    exit.write(Uint8Array.of(HELLO))
    const [answer] = (await once(exit, 'data')) as [Uint8Array]
    expect([...answer]).toEqual([HELLO])
  })

  it('keeps few of one host, and first of all who said what is waited for', async () => {
    const { port } = await listener()
    const exit = await visitor(port, '127.9.9.9')
    exit.write(Uint8Array.of(HELLO))
    await once(exit, 'data')
    const silent = await visitor(port, '127.9.9.9')
    const gone = once(silent, 'close')
    for (let i = 0; i < 7; i++) await visitor(port, '127.9.9.9')
    await gone
    exit.write(Uint8Array.of(HELLO))
    await once(exit, 'data')
    expect(exit.destroyed).toBe(false)
  })
})
