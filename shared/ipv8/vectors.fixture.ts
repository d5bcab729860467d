import { readFileSync } from 'node:fs'
import { addressOf, type IpAddress } from '../bytes/address.ts'
import { fromHex } from '../bytes/bytes.ts'
import { KeyPair } from '../identity/keys.ts'

/** A golden vector file of fixtures/ipv8, as its reader says it is. */
export function vectorFile<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../fixtures/ipv8/${name}.json`, import.meta.url), 'utf8')) as T
}

const { keys } = vectorFile<{ keys: { name: string; secret_bin: string }[] }>('keys')

/** alice, bob, carol, dave or erin. */
export function keyPairOf(name: string): KeyPair {
  const found = keys.find((key) => key.name === name)
  if (!found) throw new RangeError(`no key of ${name} in keys.json`)
  return KeyPair.parse(fromHex(found.secret_bin))
}

export interface JsonAddress {
  kind: string
  host: string
  port: number
}

export function ipOf(json: JsonAddress): IpAddress {
  const address = addressOf(json.host, json.port)
  if (address.kind === 'domain') throw new RangeError(`${json.host} is no IP address`)
  return address
}
