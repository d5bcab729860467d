import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import { NodeRandom } from '../node-random.ts'
import { TOR_RETRY_FIRST_MS, TOR_STOP_MS } from './tor-constants.ts'
import { type Answer, FakeControlPort } from './tor-control.fixture.ts'
import { TorOnion } from './tor-onion.ts'

const ID = `${'a'.repeat(55)}d`
const KEY = `ED25519-V3:${'A'.repeat(86)}==`
const folders: string[] = []
let port: FakeControlPort | undefined
let onion: TorOnion | undefined

afterEach(async () => {
  await onion?.stop()
  await port?.stop()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const disk = vi.hoisted(() => ({ ready: Promise.resolve() }))
vi.mock('../state-file.ts', async (original) => {
  const { writeWhole } = await original<typeof import('../state-file.ts')>()
  return {
    writeWhole: async (folder: string, name: string, content: string) => {
      if (name === 'tor-onion.name') await disk.ready
      await writeWhole(folder, name, content)
    },
  }
})

const tor: Answer = (line) => {
  if (line.startsWith('PROTOCOLINFO')) return '250-AUTH METHODS=NULL\r\n250 OK\r\n'
  if (line.startsWith('ADD_ONION NEW:')) return `250-ServiceID=${ID}\r\n250-PrivateKey=${KEY}\r\n250 OK\r\n`
  if (line.startsWith('ADD_ONION')) return `250-ServiceID=${ID}\r\n250 OK\r\n`
  return '250 OK\r\n'
}

function makeOnion(at: number) {
  const clock = new VirtualClock()
  const counters = new Counters()
  const logged: string[] = []
  const note = (line: string) => logged.push(line)
  const stateFolder = mkdtempSync(join(tmpdir(), 'culvert-onion-'))
  folders.push(stateFolder)
  const waiting = new Set<() => void>()
  const made = new TorOnion({
    control: { host: '127.0.0.1', port: at },
    stateFolder,
    ports: [
      { virtual: 6667, target: '127.0.0.1:7000' },
      { virtual: 80, target: '127.0.0.1:8000' },
    ],
    clock,
    random: new NodeRandom(),
    counters,
    log: { error: note, info: note, debug: note },
    onChange: () => {
      for (const each of waiting) each()
    },
  })
  onion = made
  /** Lets real sockets work until something holds. */
  const until = async (predicate: () => boolean) => {
    while (!predicate()) await new Promise(setImmediate)
  }
  return { onion: made, clock, counters, logged, stateFolder, until }
}

async function start(answer: Answer = tor) {
  port = new FakeControlPort(answer)
  await port.start()
  return { port, ...makeOnion(port.port) }
}

describe('the relay’s own onion service (L-01)', () => {
  it('has tor make a key the first time, keeps it for the owner alone, and comes back with it', async () => {
    const { port, onion, until, clock, stateFolder, logged } = await start()
    onion.start()
    await until(() => onion.state === 'added')
    expect(onion.onion).toBe(`${ID}.onion`)
    expect(port.commands).toContain(
      'ADD_ONION NEW:ED25519-V3 Port=6667,127.0.0.1:7000 Port=80,127.0.0.1:8000',
    )
    const file = join(stateFolder, 'tor-onion.key')
    expect(readFileSync(file, 'latin1')).toBe(`${KEY}\n`)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(stateFolder, 'tor-onion.name'), 'latin1')).toBe(`${ID}.onion\n`)

    port.tell(`650 HS_DESC UPLOADED ${ID} UNKNOWN $F\r\n`)
    await until(() => onion.state === 'published')
    port.cut()
    await until(() => onion.state === 'trying')
    expect(onion.onion).toBe(`${ID}.onion`)
    clock.advance(TOR_RETRY_FIRST_MS)
    await until(() => onion.state === 'added')
    expect(port.commands).toContain(`ADD_ONION ${KEY} Port=6667,127.0.0.1:7000 Port=80,127.0.0.1:8000`)
    // Nothing of it in the log (N-13): the operator finds the name in its file.
    expect(logged.join()).not.toContain(ID)
    expect(logged).toHaveLength(2)
  })

  it('counts as published only by its own descriptor', async () => {
    const { port, onion, until } = await start()
    onion.start()
    await until(() => onion.state === 'added')
    port.tell(`650 HS_DESC UPLOADED ${'b'.repeat(55)}d UNKNOWN $F\r\n650 HS_DESC FAILED ${ID} NO_AUTH $F\r\n`)
    port.tell('650 HS_DESC\r\n')
    // In order on one connection: when this has come, those have.
    port.tell(`650 HS_DESC UPLOAD ${ID}\r\n`)
    port.cut()
    await until(() => onion.state === 'trying')
    expect(onion.state).toBe('trying')
  })

  it('tries again when tor goes while the key is being written', async () => {
    const { onion, until, clock, counters, stateFolder } = await start((line, socket) => {
      if (line.startsWith('ADD_ONION NEW:')) socket.end(tor(line, socket) ?? '')
      return line.startsWith('ADD_ONION NEW:') ? undefined : tor(line, socket)
    })
    // The disk takes until tor is gone.
    let goOn = () => {}
    disk.ready = new Promise((resolve) => {
      goOn = resolve
    })
    onion.start()
    await until(() => existsSync(join(stateFolder, 'tor-onion.key')))
    for (let i = 0; i < 50; i++) await new Promise(setImmediate)
    goOn()
    await until(() => counters.get('tor-control-closed') > 0)
    expect(onion.state).toBe('trying')
    clock.advance(TOR_RETRY_FIRST_MS)
    await until(() => onion.state === 'added')
  })

  it('takes the service down at the end', async () => {
    const { port, onion, until } = await start()
    onion.start()
    await until(() => onion.state === 'added')
    await onion.stop()
    expect(port.commands.at(-1)).toBe(`DEL_ONION ${ID}`)
    expect(onion.state).toBe('off')
  })

  it('does not wait at the end for a tor that says nothing any more', async () => {
    const { port, onion, until, clock } = await start((line, socket) =>
      line.startsWith('DEL_ONION') ? undefined : tor(line, socket),
    )
    onion.start()
    await until(() => onion.state === 'added')
    const stopped = onion.stop()
    await until(() => port.commands.at(-1)?.startsWith('DEL_ONION') === true)
    clock.advance(TOR_STOP_MS)
    await stopped
    expect(onion.state).toBe('off')
  })

  it('tells a trouble once, waits longer each time, and goes on when tor comes', async () => {
    port = new FakeControlPort(tor)
    await port.start()
    const at = port.port
    await port.stop()
    const { onion, clock, counters, logged, until } = makeOnion(at)
    onion.start()
    const tries = () => counters.get('tor-control-unreachable')
    await until(() => tries() === 1)
    for (const [count, pauseMs] of [1, 2, 4].entries()) {
      clock.advance(pauseMs * TOR_RETRY_FIRST_MS - 1)
      expect(tries()).toBe(count + 1)
      clock.advance(1)
      await until(() => tries() === count + 2)
    }
    expect(logged).toHaveLength(1)
    expect(logged[0]).toMatch(/control port cannot be reached.*goes on without/)
    port = new FakeControlPort(tor)
    await port.start(at)
    clock.advance(8 * TOR_RETRY_FIRST_MS)
    await until(() => onion.state === 'added')
    expect(logged.at(-1)).toMatch(/published again/)
  })

  it('says what is wrong: refused, no key, another key’s file, no service', async () => {
    const wrong: [Answer, string][] = [
      [
        (line, socket) => (line.startsWith('ADD_ONION') ? '551 Failed\r\n' : tor(line, socket)),
        'tor-control-refused',
      ],
      [
        (line, socket) => (line.startsWith('ADD_ONION') ? '250 OK\r\n' : tor(line, socket)),
        'tor-control-protocol',
      ],
      [
        (line, socket) =>
          line.startsWith('ADD_ONION') ? `250-ServiceID=${ID}\r\n250 OK\r\n` : tor(line, socket),
        'tor-control-protocol',
      ],
    ]
    for (const [answer, code] of wrong) {
      const { onion, counters, until, port } = await start(answer)
      onion.start()
      await until(() => counters.get(code) > 0)
      expect(onion.state).toBe('trying')
      await onion.stop()
      await port.stop()
    }
    const { onion, counters, until, stateFolder } = await start()
    writeFileSync(join(stateFolder, 'tor-onion.key'), 'RSA1024:abc\n')
    onion.start()
    await until(() => counters.get('tor-key-malformed') > 0)
    expect(readFileSync(join(stateFolder, 'tor-onion.key'), 'latin1')).toBe('RSA1024:abc\n')
  })

  it('stops while it tries, and then tries no more', async () => {
    const { port, onion, until, clock, counters } = await start((line, socket) =>
      line.startsWith('ADD_ONION') ? undefined : tor(line, socket),
    )
    onion.start()
    await until(() => port.commands.some((line) => line.startsWith('ADD_ONION')))
    await onion.stop()
    clock.advance(600_000)
    await until(() => port.commands.length >= 4)
    expect([onion.state, counters.get('tor-onion-added')]).toEqual(['off', 0])
  })
})
