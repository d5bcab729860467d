import { readFile, writeFile } from 'node:fs/promises'
import { fromHex, toHex } from '../shared/bytes/bytes.ts'
import { CulvertError } from '../shared/bytes/error.ts'
import { KeyPair } from '../shared/identity/keys.ts'
import type { Random } from '../shared/world/random.ts'
import { fileFault } from './file-fault.ts'

/** The identity file cannot be used. Codes: `identity-malformed`, `identity-exists`, `identity-unreadable`, `identity-unwritable`. */
export class IdentityError extends CulvertError {}

/** Reads the relay's key pair, or makes one and writes it where there is none yet. `created` tells which. */
export async function loadOrCreateIdentity(
  path: string,
  random: Random,
): Promise<{ keyPair: KeyPair; created: boolean }> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      return { keyPair: await createIdentity(path, random), created: true }
    }
    throw new IdentityError(
      'identity-unreadable',
      `${path} cannot be read: ${fileFault(cause)}; correct the path, or let the relay's user read the file`,
      { cause },
    )
  }
  return { keyPair: parseIdentity(text, path), created: false }
}

/**
 * Makes a key pair and writes it to a new file that its owner alone may read (0600): one line, the 74-byte secret form as
 * hexadecimal digits. Never overwrites.
 */
export async function createIdentity(path: string, random: Random): Promise<KeyPair> {
  const keyPair = KeyPair.generate(random)
  try {
    await writeFile(path, `${toHex(keyPair.secretBytes)}\n`, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new IdentityError('identity-exists', `${path} exists; keys are never overwritten`, { cause })
    }
    throw new IdentityError(
      'identity-unwritable',
      `${path} cannot be written: ${fileFault(cause)}; make its folder, and let this user write there`,
      { cause },
    )
  }
  return keyPair
}

function parseIdentity(text: string, path: string): KeyPair {
  try {
    return KeyPair.parse(fromHex(text.trim()))
  } catch (cause) {
    throw new IdentityError(
      'identity-malformed',
      `${path} is not an identity file; restore it from a copy, or remove it to get a new identity`,
      { cause },
    )
  }
}
