import type { Address } from '../shared/bytes/address.ts'
import type { Circuit } from '../shared/onion/circuit.ts'
import type { StreamEnd } from '../shared/stream/byte-stream.ts'
import { StreamClient } from '../shared/stream/stream-client.ts'
import { Recorder } from './exit/exit.fixture.ts'
import { clock, random, type TestOwner } from './relay.fixture.ts'

/** The streams of an owner in his circuit. */
export function streamsIn(circuit: Circuit, owner: TestOwner): StreamClient {
  const streams = new StreamClient({
    clock,
    random,
    counters: owner.counters,
    send: (destination, packet) => circuit.sendStream(destination, packet),
  })
  owner.onStream = (destination, packet) => streams.receive(destination, packet)
  owner.onReset = (destination, id, reason) => streams.reset(destination, id, reason)
  return streams
}

/** What came of bytes that were sent to an echo. */
export interface Echoed {
  readonly end: StreamEnd | 'orderly' | undefined
  /** Whether all came back, and nothing else. */
  readonly whole: boolean
}

/** Sends so many random bytes to an echo, and takes what comes back until the stream is over. */
export async function echoThrough(streams: StreamClient, echo: Address, bytes: number): Promise<Echoed> {
  const events = new Recorder()
  const sent = random.bytes(bytes)
  const stream = streams.open(echo, events)
  stream.write(sent)
  stream.end()
  await events.until(() => events.end !== undefined)
  return { end: events.end, whole: Buffer.concat(events.chunks).equals(sent) }
}
