import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { HttpResponder } from './http-responder.ts'
import type { RelayCircuit } from './relay-circuit.ts'

function circuitOf() {
  const circuit = { alive: true, parts: 0, reply: () => circuit.parts++ }
  return circuit
}

describe('responses of an exit on their way (C-07, O-06)', () => {
  it('are bounded for all circuits together, and make room when sent, or when their circuit ends', () => {
    const clock = new VirtualClock()
    const responder = new HttpResponder(clock, 250_000)
    const circuits = [circuitOf(), circuitOf(), circuitOf()] as const
    const send = (circuit: object, bytes = 100_000) =>
      responder.send(circuit as RelayCircuit, 1, new Uint8Array(bytes))
    expect(circuits.map((circuit) => send(circuit))).toEqual([true, true, false])
    expect(send(circuits[2], 50_000)).toBe(true)
    expect(send(circuits[2], 1)).toBe(false)
    circuits[0].alive = false
    clock.advance(20)
    expect(send(circuits[2])).toBe(true)
    expect(send(circuits[2])).toBe(false)
    clock.advance(1_000)
    expect(circuits.map(({ parts }) => parts)).toEqual([32, 72, 108])
    expect(clock.idle).toBe(true)
    expect(send(circuits[1], 250_000)).toBe(true)
  })
})
