import fc from 'fast-check'
import { SIGNAL_KINDS, type SignalKind } from './signalling-messages.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

/** Every packet of signalling that there may be. */
export const signals = fc
  .record({
    session: bytes(16),
    kind: fc.constantFrom(...(Object.keys(SIGNAL_KINDS) as SignalKind[])),
    from: bytes(20),
    to: bytes(20),
    message: fc.nat(23),
    part: fc.nat(6),
    parts: fc.integer({ min: 1, max: 7 }),
    piece: fc.uint8Array({ maxLength: 1_200 }),
  })
  .map((signal) => ({ ...signal, part: signal.part % signal.parts }))
