import { isNoAddress } from '../bytes/address.ts'
import { FLAG_EXIT_HTTP, FLAG_SPEED_TEST } from '../ipv8/constants.ts'
import { MAX_MESSAGE_BYTES, MESSAGE, type RouterLimits } from './constants.ts'
import { HttpResponder } from './http-responder.ts'
import type { Joins } from './joins.ts'
import { decodeMessage, encodeMessage, type MessageBody } from './messages.ts'
import type { RelayCircuit } from './relay-circuit.ts'
import type { RouterOptions } from './router-options.ts'

interface Test {
  readonly identifier: number
  readonly responseBytes: number
}

/** What a router does with the messages of circuits that end at it. Throws CodecErrors, which the router counts. */
export class RouterMessages {
  private readonly options: RouterOptions
  private readonly limits: RouterLimits
  private readonly joins: Joins
  private readonly http: HttpResponder

  constructor(options: RouterOptions, limits: RouterLimits, joins: Joins) {
    this.options = options
    this.limits = limits
    this.joins = joins
    this.http = new HttpResponder(options.clock)
  }

  /** `[at, end)` of the cell: the message, at least its id. */
  receive(circuit: RelayCircuit, cell: Uint8Array, at: number, end: number, relayEarly: boolean): void {
    const id = cell[at] as number
    switch (id) {
      case MESSAGE.data:
      case MESSAGE.stream:
        this.toExit(circuit, cell, at, end)
        break
      case MESSAGE.ping:
        circuit.reply(encodeMessage(MESSAGE.pong, decodeMessage(MESSAGE.ping, cell, at, end)))
        break
      case MESSAGE.extend:
        if (relayEarly) this.joins.extend(circuit, decodeMessage(MESSAGE.extend, cell, at, end))
        else this.count('extend-not-early')
        break
      case MESSAGE.testRequest:
        this.test(circuit, MESSAGE.testResponse, decodeMessage(MESSAGE.testRequest, cell, at, end))
        break
      case MESSAGE.wideTestRequest:
        this.test(circuit, MESSAGE.wideTestResponse, decodeMessage(MESSAGE.wideTestRequest, cell, at, end))
        break
      case MESSAGE.httpRequest:
        this.httpRequest(circuit, decodeMessage(MESSAGE.httpRequest, cell, at, end))
        break
      case MESSAGE.mtu:
        this.cellSize(circuit, decodeMessage(MESSAGE.mtu, cell, at, end))
        break
      case MESSAGE.directory:
        this.toDirectory(circuit, decodeMessage(MESSAGE.directory, cell, at, end))
        break
      default:
        this.toServices(circuit, id, cell, at, end)
    }
  }

  private cellSize(
    circuit: RelayCircuit,
    { identifier, bytes }: { readonly identifier: number; readonly bytes: number },
  ): void {
    circuit.reply(encodeMessage(MESSAGE.mtu, { identifier, bytes: circuit.agreeCellBytes(bytes) }))
  }

  private toExit(circuit: RelayCircuit, cell: Uint8Array, at: number, end: number): void {
    const { addresses } = circuit
    const destination = addresses.read(cell, at + 1, end)
    addresses.read(cell, addresses.end, end)
    const data = cell.subarray(addresses.end, end)
    const isStream = cell[at] === MESSAGE.stream
    const { exit } = this.options
    if (isNoAddress(destination)) {
      this.count('exit-without-destination')
    } else if (exit === undefined) {
      this.count('exit-not-offered')
      if (isStream && data.length >= 4) {
        const connectionId = ((data[2] as number) << 8) | (data[3] as number)
        circuit.sendStreamReset(destination, connectionId, 'not-an-exit')
      }
    } else {
      circuit.exitUsed = true
      if (isStream) exit.stream(circuit, destination, data)
      else exit.datagram(circuit, destination, data)
    }
  }

  private test(
    circuit: RelayCircuit,
    answer: typeof MESSAGE.testResponse | typeof MESSAGE.wideTestResponse,
    { identifier, responseBytes }: Test,
  ): void {
    if ((this.options.flags & FLAG_SPEED_TEST) === 0) {
      this.count('speed-test-not-offered')
      return
    }
    const head = answer === MESSAGE.testResponse ? 3 : 5
    const most = Math.min(this.limits.testResponseBytes, MAX_MESSAGE_BYTES - head)
    const data = this.options.random.bytes(Math.min(responseBytes, most))
    circuit.reply(encodeMessage(answer, { identifier, data }))
  }

  private httpRequest(circuit: RelayCircuit, request: MessageBody<typeof MESSAGE.httpRequest>): void {
    const { exit, flags } = this.options
    const { identifier, target } = request
    if ((flags & FLAG_EXIT_HTTP) === 0 || exit?.http === undefined) {
      this.count('http-not-offered')
    } else if (isNoAddress(target)) {
      this.count('exit-without-destination')
    } else {
      circuit.exitUsed = true
      // A copy: the cell's memory may be used again before the connection is open.
      exit.http(circuit, target, request.request.slice(), (response) => {
        if (!this.http.send(circuit, identifier, response)) this.count('http-response-dropped')
      })
    }
  }

  private toDirectory(circuit: RelayCircuit, message: Uint8Array): void {
    const { directory } = this.options
    if (directory === undefined) this.count('cell-of-unknown-message')
    else directory(circuit, message)
  }

  private toServices(circuit: RelayCircuit, id: number, cell: Uint8Array, at: number, end: number): void {
    const { services } = this.options
    if (services === undefined) {
      this.count('cell-of-unknown-message')
      return
    }
    circuit.servicesUsed = true
    if (!services.message(circuit, id, cell, at, end)) this.count('cell-of-unknown-message')
  }

  private count(name: string): void {
    this.options.counters.add(name)
  }
}
