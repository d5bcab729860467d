import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWhole } from '../state-file.ts'
import { TorError } from './tor-error.ts'

/** The onion service's key within the state folder, mode 600: whoever has it can be the service. */
const KEY_FILE = 'tor-onion.key'
/** The onion service's name within the state folder, for the operator: it is in no log. */
const NAME_FILE = 'tor-onion.name'
/** As ADD_ONION takes and gives it: an expanded Ed25519 secret key, 64 bytes in base64. */
const KEY = /^ED25519-V3:[A-Za-z0-9+/]{86}==$/

export function isOnionKey(text: string): boolean {
  return KEY.test(text)
}

/**
 * The key kept in the state folder; undefined before there is one.
 * @throws TorError `tor-key-malformed`
 */
export async function readOnionKey(folder: string): Promise<string | undefined> {
  const path = join(folder, KEY_FILE)
  let text: string
  try {
    text = (await readFile(path, 'latin1')).trim()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw malformed(path, String((cause as NodeJS.ErrnoException).code), cause)
  }
  if (!isOnionKey(text)) throw malformed(path, 'it holds no key')
  return text
}

/** Keeps a key that tor has made, whole or not at all. */
export async function writeOnionKey(folder: string, key: string): Promise<void> {
  await writeWhole(folder, KEY_FILE, `${key}\n`)
}

/** Writes down what the service is called. */
export async function writeOnionName(folder: string, name: string): Promise<void> {
  await writeWhole(folder, NAME_FILE, `${name}\n`)
}

function malformed(path: string, why: string, cause?: unknown): TorError {
  return new TorError(
    'tor-key-malformed',
    `${path} cannot be used: ${why}. Restore it from a copy, or remove it: the relay gets a new onion address then`,
    { cause },
  )
}
