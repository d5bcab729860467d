import { z } from 'zod'
import { addressOf } from '../shared/bytes/address.ts'
import type { PortRange } from './links/udp-socket.ts'

/** What values of the configuration are made of. */

export const ipAddress = z
  .string()
  .refine((text) => addressOf(text, 0).kind !== 'domain', 'should be an IPv4 or IPv6 address')
export const port = z.int().min(0).max(65535)
/** Ports that need no rights, or 0 for any free one. */
export const udpPort = port.refine((value) => value === 0 || value >= 1024, 'should be 0 or 1024 to 65535')
export const portRange = z
  .string()
  .regex(/^[1-9][0-9]{3,4}-[1-9][0-9]{3,4}$/, 'should be a range of ports such as 6881-6889')
  .refine((text) => {
    const { from, to } = portRangeOf(text)
    return from >= 1024 && to <= 65535 && from <= to && to - from < 1000
  }, 'should be at most 1000 ports of 1024 to 65535, the lower first')
export const endpoint = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):[1-9][0-9]{0,4}$/, 'should be host:port, IPv6 in brackets')
  .refine((text) => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65535, 'should have a port up to 65535')
export const network = z
  .string()
  .regex(/^[0-9a-fA-F:.]+\/[0-9]{1,3}$/, 'should be a network such as 127.0.0.0/8')
  .refine((text) => {
    const [host = '', bits] = text.split('/')
    const { kind } = addressOf(host, 0)
    return kind !== 'domain' && Number(bits) <= (kind === 'ipv4' ? 32 : 128)
  }, 'should be a network such as 127.0.0.0/8')
export const many = (value: number) => z.int().min(1).default(value)
export const country = z
  .string()
  .regex(/^[A-Z]{2}$/, 'should be a country of two capital letters, such as NL')
/** A group of keys that may be left out altogether. */
export const group = <S extends z.ZodRawShape>(shape: S) => z.strictObject(shape).prefault({} as never)

/** The ports of `6881-6889`. */
export function portRangeOf(text: string): PortRange {
  const [from = 0, to = 0] = text.split('-').map(Number)
  return { from, to }
}
