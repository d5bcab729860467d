import type { LinkCloseReason } from './link.ts'

/**
 * WebSocket close codes of a link's end: 1000, or the private range (RFC 6455 §7.4.2), which is all that a page may send.
 * The reason's name goes along as the close frame's text.
 */
const CLOSE_CODES: Readonly<Record<LinkCloseReason, number>> = {
  unneeded: 1000,
  shutdown: 4001,
  refused: 4002,
  failed: 4003,
  limit: 4004,
  protocol: 4005,
  lost: 4006,
}

const REASONS = new Map<number, LinkCloseReason>([
  ...Object.entries(CLOSE_CODES).map(([reason, code]): [number, LinkCloseReason] => [
    code,
    reason as LinkCloseReason,
  ]),
  // Codes of WebSocket itself, RFC 6455 §7.4.1: going away; broken protocol, wrong data, too big; trouble of the server's.
  [1001, 'unneeded'],
  [1002, 'protocol'],
  [1003, 'protocol'],
  [1005, 'unneeded'],
  [1007, 'protocol'],
  [1009, 'protocol'],
  [1011, 'failed'],
  [1013, 'limit'],
])

export function closeCodeOf(reason: LinkCloseReason): number {
  return CLOSE_CODES[reason]
}

/** Why the neighbour closed; `lost` for any code that says nothing, such as 1006. */
export function closeReasonOf(code: number): LinkCloseReason {
  return REASONS.get(code) ?? 'lost'
}
