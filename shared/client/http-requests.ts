import type { Address } from '../bytes/address.ts'
import type { Circuit } from '../onion/circuit.ts'
import type { CircuitEvents } from '../onion/circuit-options.ts'
import { HTTP_OPEN_REQUESTS } from '../onion/constants.ts'
import { HTTP_WAITING } from './constants.ts'

interface Question {
  readonly destination: Address
  readonly request: Uint8Array
  readonly done: (response: Uint8Array | undefined) => void
}

interface OfCircuit {
  readonly open: Map<number, Question>
  /** The longest waiting first. */
  readonly waiting: Question[]
}

/**
 * What exits are asked by HTTP (messages 28 and 29): as many at once as a circuit takes, the others in turn. Each ends with its circuit
 * at the latest.
 */
export class HttpRequests {
  private readonly asked = new Map<Circuit, OfCircuit>()

  /** To be told by every circuit that `ask` is called with. */
  readonly events: Required<Pick<CircuitEvents, 'httpResponse'>> = {
    httpResponse: (circuit, identifier, response) => {
      const asked = this.asked.get(circuit)
      const question = asked?.open.get(identifier)
      if (!asked || !question) return
      asked.open.delete(identifier)
      question.done(response)
      this.askNext(circuit, asked)
    },
  }

  /** @returns the whole response, head and body; undefined: none came, or too many wait already */
  ask(circuit: Circuit, destination: Address, request: Uint8Array): Promise<Uint8Array | undefined> {
    return new Promise((done) => {
      const asked: OfCircuit = this.asked.get(circuit) ?? { open: new Map(), waiting: [] }
      this.asked.set(circuit, asked)
      if (asked.waiting.length >= HTTP_WAITING) done(undefined)
      else asked.waiting.push({ destination, request, done })
      this.askNext(circuit, asked)
    })
  }

  private askNext(circuit: Circuit, { open, waiting }: OfCircuit): void {
    while (open.size < HTTP_OPEN_REQUESTS) {
      const question = waiting.shift()
      if (!question) break
      const identifier = circuit.httpRequest(question.destination, question.request)
      if (identifier === undefined) question.done(undefined)
      else open.set(identifier, question)
    }
    if (open.size === 0) this.asked.delete(circuit)
  }
}
