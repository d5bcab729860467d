import type { Address } from '../bytes/address.ts'
import type { Circuit } from '../onion/circuit.ts'
import type { CircuitEvents } from '../onion/circuit-options.ts'

type Done = (response: Uint8Array | undefined) => void

/** What exits were asked by HTTP (messages 28 and 29) and have not answered. A circuit bounds how many, and how long. */
export class HttpRequests {
  private readonly open = new Map<Circuit, Map<number, Done>>()

  /** To be told by every circuit that `ask` is called with. */
  readonly events: Required<Pick<CircuitEvents, 'httpResponse'>> = {
    httpResponse: (circuit, identifier, response) => {
      const asked = this.open.get(circuit)
      const done = asked?.get(identifier)
      asked?.delete(identifier)
      if (asked?.size === 0) this.open.delete(circuit)
      done?.(response)
    },
  }

  /** @returns the whole response, head and body; undefined: none came, or the circuit asks no more now */
  ask(circuit: Circuit, destination: Address, request: Uint8Array): Promise<Uint8Array | undefined> {
    return new Promise((done) => {
      const identifier = circuit.httpRequest(destination, request)
      if (identifier === undefined) {
        done(undefined)
        return
      }
      const asked = this.open.get(circuit) ?? new Map<number, Done>()
      this.open.set(circuit, asked.set(identifier, done))
    })
  }
}
