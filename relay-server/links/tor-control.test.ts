import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { type Answer, codeOfPromise, FakeControlPort } from './tor-control.fixture.ts'
import { TorControl, type TorControlOptions } from './tor-control.ts'
import type { TorReply } from './tor-reply.ts'

const clock = new NodeClock()
const random = new NodeRandom()
const folder = mkdtempSync(join(tmpdir(), 'culvert-cookie-'))
const cookieFile = join(folder, 'cookie')
const cookie = Buffer.alloc(32, 7)
writeFileSync(cookieFile, cookie)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const infoOf = (methods: string, file = cookieFile) =>
  `250-PROTOCOLINFO 1\r\n250-AUTH METHODS=${methods} COOKIEFILE="${file}"\r\n250-VERSION Tor="0.4.9"\r\n250 OK\r\n`

let port: FakeControlPort | undefined
afterEach(() => port?.stop())

async function open(answer: Answer, options: Partial<TorControlOptions> = {}): Promise<TorControl> {
  port = new FakeControlPort(answer)
  await port.start()
  return TorControl.open({ host: '127.0.0.1', port: port.port, clock, random, ...options })
}

/** A tor that proves its cookie and wants the same. `known`: what it thinks the cookie is. */
function safeCookieTor(known: Uint8Array): Answer {
  const serverNonce = Buffer.alloc(32, 9)
  let expected = ''
  return (line) => {
    if (line.startsWith('PROTOCOLINFO')) return infoOf('COOKIE,SAFECOOKIE')
    const [, nonce] = /^AUTHCHALLENGE SAFECOOKIE ([0-9a-f]{64})$/.exec(line) ?? []
    if (nonce) {
      const hashOf = (direction: string) =>
        createHmac('sha256', `Tor safe cookie authentication ${direction} hash`)
          .update(known)
          .update(Buffer.from(nonce, 'hex'))
          .update(serverNonce)
          .digest('hex')
      expected = hashOf('controller-to-server')
      const hash = hashOf('server-to-controller').toUpperCase()
      return `250 AUTHCHALLENGE SERVERHASH=${hash} SERVERNONCE=${serverNonce.toString('hex')}\r\n`
    }
    if (line === `AUTHENTICATE ${expected}`) return '250 OK\r\n'
    return '515 Authentication failed\r\n'
  }
}

describe('authentication at tor’s control port (L-02)', () => {
  it('proves the cookie without sending it', async () => {
    const control = await open(safeCookieTor(cookie))
    expect(control.open).toBe(true)
    expect(port?.commands.join()).not.toContain(cookie.toString('hex'))
    control.close()
  })

  it('refuses what listens there if it does not know the cookie', async () => {
    expect(await codeOfPromise(open(safeCookieTor(Buffer.alloc(32, 1))))).toBe('tor-control-auth')
    expect(port?.commands.filter((line) => line.startsWith('AUTHENTICATE'))).toEqual([])
  })

  it('reads no file but one of 32 bytes', async () => {
    const long = join(folder, 'long')
    writeFileSync(long, Buffer.alloc(33))
    for (const file of [long, '/dev/zero', join(folder, 'none'), folder]) {
      const answer: Answer = (line) =>
        line.startsWith('PROTOCOLINFO') ? infoOf('SAFECOOKIE', file) : '250 OK\r\n'
      expect(await codeOfPromise(open(answer)), file).toBe('tor-control-cookie')
      expect(port?.commands).toEqual(['PROTOCOLINFO 1'])
      await port?.stop()
    }
  })

  it('gives the password, quoted, and says when it is wrong', async () => {
    const answer =
      (right: string): Answer =>
      (line) => {
        if (line.startsWith('PROTOCOLINFO')) return infoOf('HASHEDPASSWORD')
        return line === `AUTHENTICATE ${right}`
          ? '250 OK\r\n'
          : '515 Authentication failed: Password did not match\r\n'
      }
    const password = 'a "b\\c'
    const control = await open(answer('"a \\"b\\\\c"'), { password })
    control.close()
    await port?.stop()
    expect(await codeOfPromise(open(answer('"another"'), { password }))).toBe('tor-control-auth')
    await port?.stop()
    expect(await codeOfPromise(open(answer('"another"')))).toBe('tor-control-auth')
  })

  it('gives nothing where nothing is asked for', async () => {
    const control = await open((line) => (line.startsWith('PROTOCOLINFO') ? infoOf('NULL') : '250 OK\r\n'))
    expect(port?.commands).toEqual(['PROTOCOLINFO 1', 'AUTHENTICATE'])
    control.close()
  })
})

const openTor: Answer = (line) => (line.startsWith('PROTOCOLINFO') ? infoOf('NULL') : '250 OK\r\n')

describe('commands to tor (L-02)', () => {
  it('says that nobody listens there', async () => {
    port = new FakeControlPort(openTor)
    await port.start()
    const at = port.port
    await port.stop()
    expect(await codeOfPromise(TorControl.open({ host: '127.0.0.1', port: at, clock, random }))).toBe(
      'tor-control-unreachable',
    )
  })

  it('gives each reply to its command, and events to their listener', async () => {
    const events: TorReply[] = []
    const control = await open((line, socket) => openTor(line, socket)?.replace('OK', line) ?? '', {
      onEvent: (event) => events.push(event),
    })
    port?.tell('650 HS_DESC UPLOADED x\r\n')
    const replies = await Promise.all(['A 1', 'B 2', 'C 3'].map((line) => control.command(line)))
    expect(replies.map(({ lines }) => lines[0])).toEqual(['A 1', 'B 2', 'C 3'])
    expect(events).toEqual([{ status: 650, lines: ['HS_DESC UPLOADED x'] }])
    control.close()
  })

  it('tells a refusal with tor’s own words, and goes on', async () => {
    const control = await open((line, socket) =>
      line.startsWith('ADD_ONION') ? '512 Bad arguments\r\n' : openTor(line, socket),
    )
    await expect(control.command('ADD_ONION x')).rejects.toMatchObject({
      code: 'tor-control-refused',
      message: 'tor refused ADD_ONION: 512 Bad arguments',
    })
    expect((await control.command('GETINFO version')).status).toBe(250)
    control.close()
  })

  it('never sends two lines for one', async () => {
    const control = await open(openTor)
    expect(await codeOfPromise(control.command('A\r\nSIGNAL HALT'))).toBe('tor-control-protocol')
    expect(port?.commands).not.toContain('SIGNAL HALT')
    control.close()
  })

  it('ends when tor answers nothing, answers unasked, or speaks another protocol', async () => {
    let closed = 0
    const onClosed = () => closed++
    const silent: Answer = (line, socket) => (line === 'QUIET' ? undefined : openTor(line, socket))
    // Time stands still until tor has been asked, however slowly the bytes travel.
    const clock = new VirtualClock()
    const control = await open(silent, { clock, timeoutMs: 200, onClosed })
    const unanswered = codeOfPromise(control.command('QUIET'))
    while (!port?.commands.includes('QUIET')) await new Promise(setImmediate)
    clock.advance(200)
    expect(await unanswered).toBe('tor-control-timeout')
    expect([control.open, closed]).toEqual([false, 1])
    await port?.stop()

    for (const words of ['250 OK\r\n250 OK\r\n', 'SSH-2.0-OpenSSH\r\n', `250 ${'x'.repeat(20_000)}`]) {
      const other = await open((line, socket) => (line === 'X' ? words : openTor(line, socket)), { onClosed })
      const answer = codeOfPromise(other.command('X'))
      while (other.open) await new Promise(setImmediate)
      expect(await answer).toBe(words.startsWith('250 OK') ? undefined : 'tor-control-protocol')
      await port?.stop()
    }
    expect(closed).toBe(4)
  })

  it('tells every waiting command when tor goes, and takes no more', async () => {
    const control = await open((line, socket) =>
      line.startsWith('WAIT') ? undefined : openTor(line, socket),
    )
    const waiting = [control.command('WAIT 1'), control.command('WAIT 2')].map(codeOfPromise)
    while (!port?.commands.includes('WAIT 2')) await new Promise(setImmediate)
    port.cut()
    expect(await Promise.all(waiting)).toEqual(['tor-control-closed', 'tor-control-closed'])
    expect(await codeOfPromise(control.command('A'))).toBe('tor-control-closed')
  })
})
