import { describe, expect, it } from 'vitest'
import { NO_ADDRESS } from '../bytes/address.ts'
import { MESSAGE } from './constants.ts'
import { OWNER_MESSAGE_BYTES, paddedMessage } from './message-padding.ts'
import { decodeMessage, encodeMessage } from './messages.ts'

const nodeKey = new Uint8Array(74).fill(1)
const infoHash = new Uint8Array(20).fill(2)
const cookie = new Uint8Array(20).fill(3)
const dhKey = new Uint8Array(32).fill(4)
const ipv4 = { kind: 'ipv4', host: '192.0.2.1', port: 7 } as const
const ipv6 = { kind: 'ipv6', host: '2001:db8::1', port: 7 } as const

const QUESTIONS = [
  [MESSAGE.ping, { identifier: 5 }],
  [MESSAGE.extend, { identifier: 5, nodeKey, dhKey, address: ipv4 }],
  [MESSAGE.extend, { identifier: 5, nodeKey, dhKey, address: ipv6 }],
  [MESSAGE.establishIntro, { identifier: 5, infoHash, seederKey: nodeKey }],
  [MESSAGE.establishRendezvous, { identifier: 5, cookie }],
  [MESSAGE.linkE2e, { identifier: 5, cookie }],
  [MESSAGE.peersRequest, { identifier: 5, infoHash }],
] as const

describe('what an owner asks his hops, padded (L-09)', () => {
  it.each(QUESTIONS)('message %i has one of two sizes, and is read as it was', (id, body) => {
    const message = paddedMessage(encodeMessage(id, body as never))
    expect(OWNER_MESSAGE_BYTES).toContain(message.length)
    expect(decodeMessage(id, message)).toEqual(body)
  })

  it('looks like an acknowledgement of a stream, where it is short', () => {
    const origin = NO_ADDRESS
    const acknowledgement = encodeMessage(MESSAGE.stream, {
      ...{ destination: ipv4, origin, data: new Uint8Array(20) },
    })
    expect(paddedMessage(encodeMessage(MESSAGE.ping, { identifier: 5 }))).toHaveLength(acknowledgement.length)
  })

  it('leaves alone what ends in data, where padding would be data', () => {
    const data = encodeMessage(MESSAGE.data, {
      destination: ipv4,
      origin: NO_ADDRESS,
      data: Uint8Array.of(1),
    })
    const test = encodeMessage(MESSAGE.testRequest, {
      identifier: 1,
      responseBytes: 9,
      data: Uint8Array.of(1),
    })
    for (const message of [data, test]) expect(paddedMessage(message)).toBe(message)
  })
})
