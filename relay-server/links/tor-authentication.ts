import { createHmac, timingSafeEqual } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { toHex } from '../../shared/bytes/bytes.ts'
import { TOR_COOKIE_BYTES, TOR_NONCE_BYTES } from './tor-constants.ts'
import type { TorControl, TorControlOptions } from './tor-control.ts'
import { TorError } from './tor-error.ts'
import { fieldsOf, quoted } from './tor-reply.ts'

/** Keys of the two hashes of SAFECOOKIE (control-spec §3.24). */
const SERVER_TO_CONTROLLER = 'Tor safe cookie authentication server-to-controller hash'
const CONTROLLER_TO_SERVER = 'Tor safe cookie authentication controller-to-server hash'

/**
 * Makes tor take commands: with the password if one is configured, with nothing if tor wants nothing, else with the cookie,
 * which both sides prove to know (SAFECOOKIE). The cookie itself is never sent: PROTOCOLINFO names the file, so what only
 * pretends to be tor could have any file of 32 bytes that it likes read out.
 * @throws TorError `tor-control-auth`, `tor-control-cookie`, and those of commands
 */
export async function authenticate(
  control: TorControl,
  { password, random }: Pick<TorControlOptions, 'password' | 'random'>,
): Promise<void> {
  const { lines } = await control.command('PROTOCOLINFO 1')
  const fields = fieldsOf(lines.find((line) => line.startsWith('AUTH ')) ?? '')
  const methods = (fields.get('METHODS') ?? '').split(',')
  if (methods.includes('NULL')) await prove(control, 'AUTHENTICATE', 'though it asks for nothing')
  else if (password !== undefined) {
    await prove(control, `AUTHENTICATE ${quoted(password)}`, 'with the password of links.tor.controlPassword')
  } else if (methods.includes('SAFECOOKIE')) {
    const hash = await safeCookie(control, fields.get('COOKIEFILE') ?? '', random.bytes(TOR_NONCE_BYTES))
    await prove(control, `AUTHENTICATE ${toHex(hash)}`, 'with its cookie')
  } else {
    throw new TorError(
      'tor-control-auth',
      'tor wants a password at its control port: set links.tor.controlPassword, or CookieAuthentication 1 in torrc',
    )
  }
}

async function prove(control: TorControl, command: string, how: string): Promise<void> {
  try {
    await control.command(command)
  } catch (cause) {
    if (!(cause instanceof TorError) || cause.code !== 'tor-control-refused') throw cause
    throw new TorError('tor-control-auth', `tor refused us at its control port, ${how}`, { cause })
  }
}

/** What proves to tor that we know the cookie, after tor has proved that it does. */
async function safeCookie(control: TorControl, path: string, nonce: Uint8Array): Promise<Uint8Array> {
  const cookie = await readCookie(path)
  const { lines } = await control.command(`AUTHCHALLENGE SAFECOOKIE ${toHex(nonce)}`)
  const fields = fieldsOf(lines.at(-1) ?? '')
  const serverNonce = Buffer.from(fields.get('SERVERNONCE') ?? '', 'hex')
  const serverHash = Buffer.from(fields.get('SERVERHASH') ?? '', 'hex')
  const hashOf = (key: string) =>
    createHmac('sha256', key).update(cookie).update(nonce).update(serverNonce).digest()
  const expected = hashOf(SERVER_TO_CONTROLLER)
  if (
    serverNonce.length !== TOR_NONCE_BYTES ||
    serverHash.length !== expected.length ||
    !timingSafeEqual(serverHash, expected)
  ) {
    throw new TorError('tor-control-auth', 'what listens at the control port does not know tor’s cookie')
  }
  return hashOf(CONTROLLER_TO_SERVER)
}

/** Exactly 32 bytes, or nothing: whatever else the path leads to is not read on, nor waited for (a named pipe). */
async function readCookie(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(TOR_COOKIE_BYTES + 1), 0)
      if (bytesRead !== TOR_COOKIE_BYTES) throw new RangeError(`not ${TOR_COOKIE_BYTES} bytes`)
      return buffer.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message
    throw new TorError(
      'tor-control-cookie',
      `tor's cookie file cannot be used (${why}): let the relay's user read it (CookieAuthFileGroupReadable 1), or set links.tor.controlPassword`,
      { cause },
    )
  }
}
