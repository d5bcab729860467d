import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { KeyPair } from '../../shared/identity/keys.ts'
import { SeededRandom } from '../../shared/sim/seeded-random.ts'
import { Counters } from '../../shared/world/counters.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { Gateway } from './gateway.ts'

const keyPair = KeyPair.generate(new SeededRandom(5))
const asked: { asker: string; offer: string }[] = []
let fails: string | undefined
let gateway: Gateway
let origin: string

function gatewayThat(answers: boolean): Gateway {
  return new Gateway({
    host: '127.0.0.1',
    port: 0,
    document: () => ({}),
    keyPair,
    network: 'culvert-test',
    clock: new NodeClock(),
    random: new NodeRandom(),
    counters: new Counters(),
    ...(answers && {
      askBridge: async (asker: string, offer: string) => {
        asked.push({ asker, offer })
        if (fails !== undefined) throw new CulvertError(fails, 'no')
        return 'answer'
      },
    }),
    onWire: () => {},
  })
}

beforeAll(async () => {
  gateway = gatewayThat(true)
  origin = `http://127.0.0.1:${(await gateway.start()).port}`
})

afterAll(() => gateway.stop())

async function post(body: string, headers: Record<string, string> = {}, at = origin) {
  asked.length = 0
  const response = await fetch(`${at}/bridge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  })
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text }
}

describe('POST /bridge (L-06, issue: volunteers)', () => {
  it('gives the answer of a volunteer, and whose key the link is to prove', async () => {
    fails = undefined
    const { status, body } = await post('{"sdp":"offer"}', { origin })
    expect(status).toBe(200)
    expect(body).toEqual({ sdp: 'answer', publicKey: toHex(keyPair.publicKey.bytes) })
    expect(asked).toEqual([{ asker: '127.0.0.1', offer: 'offer' }])
  })

  it('asks nobody for a page of another origin, or for what a form could send', async () => {
    for (const headers of [{ origin: 'https://elsewhere.example' }, { 'content-type': 'text/plain' }]) {
      expect(await post('{"sdp":"offer"}', headers)).toMatchObject({
        status: 403,
        body: { error: 'bridge-origin' },
      })
      expect(asked).toEqual([])
    }
    const preflight = await fetch(`${origin}/bridge`, { method: 'OPTIONS' })
    expect(preflight.status).toBe(405)
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('reads no more than 8 KiB, and nothing but an offer', async () => {
    for (const length of [9_000, 40_000]) {
      expect((await post(JSON.stringify({ sdp: 'x'.repeat(length) }))).status).toBe(413)
    }
    for (const body of ['', 'offer', '{}', '{"sdp":7}', 'null', '[]']) {
      expect(await post(body)).toMatchObject({ status: 400, body: { error: 'bridge-malformed' } })
    }
    expect(asked).toEqual([])
  })

  it('says what the matter is', async () => {
    for (const [code, expected] of [
      ['bridge-limit', 429],
      ['bridge-nobody', 503],
    ] as const) {
      fails = code
      expect(await post('{"sdp":"offer"}')).toMatchObject({ status: expected, body: { error: code } })
    }
  })

  it('is not there where the relay does not do it, nor for GET', async () => {
    const plain = gatewayThat(false)
    const { port } = await plain.start()
    expect((await post('{"sdp":"offer"}', {}, `http://127.0.0.1:${port}`)).status).toBe(405)
    await plain.stop()
    expect((await fetch(`${origin}/bridge`)).status).toBe(404)
  })
})
