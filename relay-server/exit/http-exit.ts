import type { Address } from '../../shared/bytes/address.ts'
import type { ByteStream, ByteStreamEvents, StreamOpener } from '../../shared/stream/byte-stream.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import { HTTP_HELD_BYTES, HTTP_REQUESTS_PER_CIRCUIT, HTTP_TIMEOUT_MS } from './constants.ts'
import { HttpResponse } from './http-response.ts'

export interface HttpExitOptions {
  /** Opens the connections: with the policy, resolver and limits of the TCP exit. */
  readonly opener: StreamOpener
  readonly clock: Clock
  readonly counters: Counters
  /** What all responses together may hold that are not whole yet; HTTP_HELD_BYTES if not given. */
  readonly heldBytes?: number
}

const GET = 'GET '

/**
 * HTTP requests of circuits (message 28): each goes over a TCP connection of its own, as it is, and the response comes back if
 * it is one that a tracker gives. That is how Tribler's exits do it: announces pass, and nobody browses through them.
 */
export class HttpExit<C extends object> {
  private readonly options: HttpExitOptions
  private readonly open = new Map<C, Set<HttpConnection>>()
  /** Bytes of responses that are not whole yet. */
  private held = 0

  constructor(options: HttpExitOptions) {
    this.options = options
  }

  /** `reply` is called once if there is a response that may pass. What is refused is counted, and not answered. */
  request(circuit: C, target: Address, request: Uint8Array, reply: (response: Uint8Array) => void): void {
    const { counters } = this.options
    const connections = this.open.get(circuit) ?? new Set()
    if (Buffer.from(request.subarray(0, GET.length)).toString('latin1') !== GET) {
      counters.add('exit-http-no-get')
    } else if (connections.size >= HTTP_REQUESTS_PER_CIRCUIT) {
      counters.add('exit-http-too-many')
    } else {
      this.open.set(circuit, connections)
      const response = new HttpResponse((bytes) => this.hold(bytes))
      const done = (outcome: Outcome, whole: Uint8Array | undefined) => {
        connections.delete(connection)
        this.held -= response.held
        if (connections.size === 0 && this.open.get(circuit) === connections) this.open.delete(circuit)
        counters.add(`exit-http-${outcome}`)
        if (whole !== undefined) reply(whole)
      }
      const connection = new HttpConnection(this.options, target, request, response, done)
      connections.add(connection)
    }
  }

  private hold(bytes: number): boolean {
    if (this.held + bytes > (this.options.heldBytes ?? HTTP_HELD_BYTES)) return false
    this.held += bytes
    return true
  }

  /** Closes the connections of a circuit that has ended. */
  ended(circuit: C): void {
    for (const connection of [...(this.open.get(circuit) ?? [])]) connection.finish('abandoned')
  }
}

type Outcome = 'answered' | 'refused' | 'full' | 'failed' | 'timed-out' | 'abandoned'

/** One request and its response. */
class HttpConnection implements ByteStreamEvents {
  private readonly response: HttpResponse
  private readonly done: (outcome: Outcome, whole: Uint8Array | undefined) => void
  private readonly stream: ByteStream
  private readonly deadline: Timer
  private finished = false

  constructor(
    { opener, clock }: HttpExitOptions,
    target: Address,
    request: Uint8Array,
    response: HttpResponse,
    done: (outcome: Outcome, whole: Uint8Array | undefined) => void,
  ) {
    this.response = response
    this.done = done
    this.deadline = clock.after(HTTP_TIMEOUT_MS, () => this.finish('timed-out'))
    this.stream = opener(target, this)
    this.stream.write(request)
  }

  opened(): void {}

  drained(): void {}

  data(chunk: Uint8Array): void {
    if (this.finished) return
    const state = this.response.append(chunk)
    if (state !== 'more') this.finish(state === 'whole' ? 'answered' : state)
  }

  /** A response without a length ends with the connection. */
  ended(): void {
    this.finish('answered')
  }

  closed(): void {
    this.finish('failed')
  }

  finish(outcome: Outcome): void {
    if (this.finished) return
    this.finished = true
    this.deadline.cancel()
    this.stream.destroy()
    if (outcome !== 'answered') this.done(outcome, undefined)
    else if (this.response.mayPass) this.done('answered', this.response.bytes)
    else this.done('refused', undefined)
  }
}
