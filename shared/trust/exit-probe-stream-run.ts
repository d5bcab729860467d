import type { IpAddress } from '../bytes/address.ts'
import { equalBytes } from '../bytes/bytes.ts'
import type { Circuit } from '../onion/circuit.ts'
import type { ByteStream } from '../stream/byte-stream.ts'
import type { Random } from '../world/random.ts'
import type { ProbeCircuits, ProbeRelay } from './exit-probe-ports.ts'
import { type ProbeStreamEcho, streamScript } from './exit-probe-stream.ts'

/** `failed`: no connection, or not all of it; `altered`: other bytes than were sent; `undone`: there was none. */
export type StreamOutcome = 'undone' | 'intact' | 'failed' | 'altered'

/** One TCP connection of a probe: through a circuit, out of its exit, to our own listener. */
export class ProbeStreamRun {
  /** The connection came from an address that the exit does not claim. */
  foreign = false
  /** It came to the echo. */
  arrived = false
  /** Bytes both ways. */
  bytes = 0
  private readonly withdraw: (() => void) | undefined
  private stream: ByteStream | undefined
  private up: 'coming' | 'intact' | 'altered' = 'coming'
  private down: 'coming' | 'intact' | 'altered' = 'coming'

  constructor(
    circuit: Circuit,
    exit: ProbeRelay,
    destination: IpAddress,
    world: { readonly random: Random; readonly circuits: ProbeCircuits; readonly streams: ProbeStreamEcho },
  ) {
    const script = streamScript(world.random)
    this.withdraw = world.streams.expect(script, exit.claimed, {
      opened: (claimed) => {
        this.arrived = true
        this.foreign = !claimed
      },
      finished: (intact) => {
        this.up = intact ? 'intact' : 'altered'
      },
    })
    if (this.withdraw === undefined) return
    let received = 0
    this.bytes = script.up.length + script.down.length
    const stream = world.circuits.open(circuit, destination, {
      opened: () => stream.write(script.up),
      data: (chunk) => {
        const expected = script.down.subarray(received, received + chunk.length)
        received += chunk.length
        if (!equalBytes(chunk, expected)) this.down = 'altered'
        else if (this.down === 'coming' && received === script.down.length) this.down = 'intact'
      },
      drained: () => undefined,
      ended: () => undefined,
      closed: () => undefined,
    })
    this.stream = stream
  }

  get outcome(): StreamOutcome {
    if (this.withdraw === undefined) return 'undone'
    if (this.up === 'altered' || this.down === 'altered') return 'altered'
    return this.up === 'intact' && this.down === 'intact' ? 'intact' : 'failed'
  }

  stop(): void {
    this.withdraw?.()
    this.stream?.destroy()
  }
}
