import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { toHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { Random } from '../../shared/world/random.ts'
import { fileFault } from '../file-fault.ts'
import { ADMIN_LIMITS } from './constants.ts'

/**
 * The file of the admin API's secret cannot be used. Codes: `admin-token-missing`, `admin-token-open`, `admin-token-malformed`,
 * `admin-token-unwritable`.
 */
export class TokenError extends CulvertError {}

/** Reads the secret, or makes one in a file that its owner alone may read (0600). @throws TokenError */
export async function loadOrCreateToken(path: string, random: Random): Promise<string> {
  const token = toHex(random.bytes(ADMIN_LIMITS.tokenBytes))
  try {
    await writeFile(path, `${token}\n`, { mode: 0o600, flag: 'wx' })
    return token
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return loadToken(path)
    throw new TokenError(
      'admin-token-unwritable',
      `${path} cannot be written: ${fileFault(cause)}; make its folder and let the relay's user write there, or set admin.tokenFile`,
      { cause },
    )
  }
}

/** Reads the secret. @throws TokenError if there is none, others may read it, or it is none */
export async function loadToken(path: string): Promise<string> {
  let text: string
  let mode: number
  try {
    text = await readFile(path, 'utf8')
    mode = (await stat(path)).mode
  } catch (cause) {
    const why = 'the relay makes it when it starts with admin.enabled: true'
    throw new TokenError('admin-token-missing', `${path} cannot be read; ${why}`, { cause })
  }
  if ((mode & 0o077) !== 0) {
    throw new TokenError(
      'admin-token-open',
      `${path} can be read by others: chmod 600 it, or remove it for a new one`,
    )
  }
  const token = text.trim()
  if (/^[0-9a-f]{64}$/.test(token)) return token
  throw new TokenError('admin-token-malformed', `${path} is no token file; remove it for a new one`)
}

/** Compares in the same time whatever is sent. */
export function isToken(sent: string, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(sent), digest(token))
}
