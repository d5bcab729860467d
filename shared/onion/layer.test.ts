import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { vectorFile } from '../../fixtures/vectors.ts'
import { fromHex, toHex } from '../bytes/bytes.ts'
import { nobleAead } from '../crypto/noble-aead.ts'
import { cellBuffer, messageAt } from './cells.ts'
import { CELL_HEADER_BYTES, COUNTER_BYTES, LAYER_BYTES } from './constants.ts'
import { LayerOpener, LayerSealer } from './layer.ts'

interface WireKeys {
  readonly key_forward: string
  readonly key_backward: string
  readonly salt_forward: string
  readonly salt_backward: string
}

type Direction = 'forward' | 'backward'

function sealer(keys: WireKeys, direction: Direction, first: number): LayerSealer {
  return new LayerSealer(
    nobleAead,
    fromHex(keys[`key_${direction}`]),
    fromHex(keys[`salt_${direction}`]),
    first,
  )
}

function opener(keys: WireKeys, direction: Direction): LayerOpener {
  return new LayerOpener(nobleAead, fromHex(keys[`key_${direction}`]), fromHex(keys[`salt_${direction}`]))
}

function sealed(by: LayerSealer, content: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(content.length + LAYER_BYTES)
  buffer.set(content, COUNTER_BYTES)
  expect(by.seal(buffer, 0, COUNTER_BYTES + content.length)).toBe(buffer.length)
  return buffer
}

function opened(by: LayerOpener, layer: Uint8Array): Uint8Array | string {
  const buffer = layer.slice()
  const result = by.open(buffer, 0, buffer.length)
  return result === 'opened' ? buffer.subarray(COUNTER_BYTES, buffer.length - 16) : result
}

const crypto = vectorFile<{
  readonly cipher_keys: WireKeys
  readonly cipher: readonly {
    readonly direction: Direction
    readonly counter: number
    readonly content: string
    readonly sealed: string
  }[]
  readonly edge_cases: readonly {
    readonly name: string
    readonly sealed?: string
    readonly opened?: string
  }[]
}>('tunnel-crypto')
const keys = crypto.cipher_keys
const edge = (name: string) => fromHex(crypto.edge_cases.find((c) => c.name === name)?.sealed as string)

describe('one layer (C-02)', () => {
  it.each(crypto.cipher)('seals and opens as py-ipv8 does: $direction, counter $counter', (v) => {
    const layer = sealed(sealer(keys, v.direction, v.counter), fromHex(v.content))
    expect(toHex(layer)).toBe(v.sealed)
    expect(toHex(opened(opener(keys, v.direction), layer) as Uint8Array)).toBe(v.content)
  })

  it('takes counter 0, which py-ipv8 never sends', () => {
    expect(toHex(opened(opener(keys, 'forward'), edge('counter 0')) as Uint8Array)).toBe('65646765')
  })

  it('refuses counter 2^63 - 1, which py-ipv8 opens: beyond 2^53 a counter would not be told from its neighbour', () => {
    expect(opened(opener(keys, 'forward'), edge('counter 2^63 - 1'))).toBe('replayed')
  })

  it.each(['tag changed', 'counter changed'])('refuses: %s', (name) => {
    expect(['forged', 'replayed']).toContain(opened(opener(keys, 'forward'), edge(name)))
  })

  it('refuses the other direction, and what is too short to be a layer', () => {
    expect(opened(opener(keys, 'backward'), edge('other direction'))).toBe('forged')
    expect(opened(opener(keys, 'forward'), edge('23 bytes'))).toBe('short')
    expect(opened(opener(keys, 'forward'), edge('empty'))).toBe('short')
  })

  it('opens each counter once; a forgery uses none up', () => {
    const layer = sealed(sealer(keys, 'forward', 2), Uint8Array.of(6, 0, 9))
    const hop = opener(keys, 'forward')
    const forged = layer.slice()
    forged[layer.length - 1] = (forged[layer.length - 1] as number) ^ 1
    expect(opened(hop, forged)).toBe('forged')
    expect(toHex(opened(hop, layer) as Uint8Array)).toBe('060009')
    expect(opened(hop, layer)).toBe('replayed')
  })

  it('counts on past 2^32', () => {
    const by = sealer(keys, 'forward', 2 ** 32 - 1)
    const layers = [sealed(by, Uint8Array.of(1)), sealed(by, Uint8Array.of(2))]
    expect(layers.map((l) => toHex(l.subarray(0, 8)))).toEqual(['00000000ffffffff', '0000000100000000'])
    const hop = opener(keys, 'forward')
    expect(layers.map((l) => toHex(opened(hop, l) as Uint8Array))).toEqual(['01', '02'])
  })

  it('stops before a counter that a double cannot hold', () => {
    expect(() => sealed(sealer(keys, 'forward', Number.MAX_SAFE_INTEGER), Uint8Array.of(1))).toThrow(
      expect.objectContaining({ code: 'layer-exhausted' }),
    )
  })

  it('brings back any content (property)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1400 }), fc.nat(), (content, first) => {
        const layer = sealed(sealer(keys, 'backward', first), content)
        expect(opened(opener(keys, 'backward'), layer)).toEqual(content)
      }),
      { numRuns: 50 },
    )
  })
})

const onion = vectorFile<{
  readonly session_keys: Record<'bob' | 'carol' | 'dave', WireKeys>
  readonly forward: readonly {
    readonly counters_used: readonly number[]
    readonly message: string
    readonly links: readonly { readonly packet: string; readonly after_one_layer: string }[]
  }[]
  readonly backward: readonly {
    readonly counters_used: readonly number[]
    readonly message: string
    readonly links: readonly { readonly packet: string }[]
  }[]
}>('onion')
const path = (['bob', 'carol', 'dave'] as const).map((name) => onion.session_keys[name])

describe('three layers in one buffer (C-02, C-03)', () => {
  it.each(onion.forward.map((v, i) => [i, v] as const))(
    'forward %i: sealed in place, last hop first',
    (_, v) => {
      const message = fromHex(v.message)
      const cell = cellBuffer(3, message.length)
      cell.set(message, messageAt(3))
      let end = messageAt(3) + message.length
      for (let hop = 2; hop >= 0; hop--) {
        const by = sealer(path[hop] as WireKeys, 'forward', v.counters_used[hop] as number)
        end = by.seal(cell, CELL_HEADER_BYTES + hop * COUNTER_BYTES, end)
      }
      expect(end).toBe(cell.length)
      expect(toHex(cell.subarray(CELL_HEADER_BYTES))).toBe(v.links[0]?.packet.slice(2 * CELL_HEADER_BYTES))
    },
  )

  it.each(onion.forward.map((v, i) => [i, v] as const))('forward %i: each relay takes one off', (_, v) => {
    v.links.forEach((link, hop) => {
      const layer = fromHex(link.packet).subarray(CELL_HEADER_BYTES)
      expect(toHex(opened(opener(path[hop] as WireKeys, 'forward'), layer) as Uint8Array)).toBe(
        link.after_one_layer,
      )
    })
  })

  it.each(onion.backward.map((v, i) => [i, v] as const))(
    'backward %i: each adds one, the owner takes off all',
    (_, v) => {
      let content: Uint8Array = fromHex(v.message)
      v.links.forEach((link, step) => {
        const hop = 2 - step
        content = sealed(sealer(path[hop] as WireKeys, 'backward', v.counters_used[hop] as number), content)
        expect(toHex(content)).toBe(link.packet.slice(2 * CELL_HEADER_BYTES))
      })
      let at = 0
      let end = content.length
      for (const hop of path) {
        expect(opener(hop, 'backward').open(content, at, end)).toBe('opened')
        at += COUNTER_BYTES
        end -= 16
      }
      expect(toHex(content.subarray(at, end))).toBe(v.message)
    },
  )
})
