import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { formatIpv4 } from '../../shared/bytes/address.ts'

const ROUTES = '/proc/net/route'

/** IPv4 address of the router that leads out of this network. Undefined where there is none, or not told as Linux does. */
export async function defaultRouter(path = ROUTES): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '')
  for (const line of text.split('\n').slice(1)) {
    const [, destination, gateway = ''] = line.split(/\s+/)
    // The bytes as they lie in the memory of a little-endian machine.
    if (destination === '00000000' && /^[0-9A-F]{8}$/.test(gateway) && gateway !== '00000000') {
      return formatIpv4(Uint8Array.from(Buffer.from(gateway, 'hex').reverse()))
    }
  }
  return undefined
}

/** This machine's address on the way to `host`: that which a router is to send to. Sends nothing. */
export async function localAddressTowards(host: string): Promise<string> {
  const socket = createSocket('udp4')
  try {
    socket.connect(9, host)
    await once(socket, 'connect')
    return socket.address().address
  } finally {
    socket.close()
  }
}
