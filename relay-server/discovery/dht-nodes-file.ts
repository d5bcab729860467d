import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { addressOf, formatAddress, type IpAddress } from '../../shared/bytes/address.ts'
import { writeWhole } from '../state-file.ts'
import { DHT_SOURCE } from './constants.ts'

/** DHT nodes that were good, one `host:port` a line: a relay that starts again needs no router. What is no address is skipped. */
export async function loadNodes(path: string): Promise<IpAddress[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text
    .split('\n')
    .slice(0, DHT_SOURCE.savedNodes)
    .flatMap((line) => {
      const cut = line.lastIndexOf(':')
      const port = Number(line.slice(cut + 1))
      if (cut < 1 || !Number.isInteger(port) || port < 1 || port > 65_535) return []
      const address = addressOf(line.slice(0, cut), port)
      return address.kind === 'domain' ? [] : [address]
    })
}

/** Replaces the file as a whole, so that a crash leaves the old one or the new one. */
export async function saveNodes(path: string, nodes: readonly IpAddress[]): Promise<void> {
  const text = nodes
    .slice(0, DHT_SOURCE.savedNodes)
    .map((node) => `${formatAddress(node)}\n`)
    .join('')
  await writeWhole(dirname(path), basename(path), text)
}
