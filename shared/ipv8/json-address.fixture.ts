import { addressOf, type IpAddress } from '../bytes/address.ts'

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
