import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Gateway } from '../../relay-server/gateway/gateway.ts'
import { HOST, TestEnd, testCertificates, until } from '../../relay-server/links/wires.fixture.ts'
import { BINDINGS } from '../../shared/link/auth-binding.ts'
import { parseLinkAddress } from '../../shared/link/link-address.ts'
import { WebSocketDialler } from './websocket-dialler.ts'

/** A browser whose visitor has said yes to the relay's own certificate. */
class TrustingWebSocket extends WebSocket {
  constructor(url: string) {
    super(url, { rejectUnauthorized: false })
  }
}

let relay: TestEnd
let gateway: Gateway
let port: number

beforeEach(async () => {
  relay = new TestEnd()
  const certificates = await testCertificates()
  const { onWire, identity } = relay
  gateway = new Gateway({ ...identity, host: HOST, port: 0, document: () => ({}), onWire, certificates })
  port = (await gateway.start()).port
})
afterEach(() => gateway.stop())

function dial(scheme: 'ws' | 'wss', page: TestEnd) {
  const dialler = new WebSocketDialler({
    ...page.identity,
    keyFor: () => page.keyPair,
    webSocket: TrustingWebSocket as unknown as typeof globalThis.WebSocket,
  })
  const address = parseLinkAddress(`${scheme}://${HOST}:${port}/relay`)
  return dialler.dial({ address, publicKey: relay.publicKey })
}

describe('page at a gateway that serves TLS (L-01, L-03, W-02)', () => {
  it('opens a link, though it can name no binding', async () => {
    const wire = await dial('wss', new TestEnd())
    expect(wire.binding).toBe(BINDINGS.none)
    wire.link.send(Uint8Array.of(9), 0)
    await until(() => relay.received.length === 1)
  })

  it('finds nobody there without TLS', async () => {
    await expect(dial('ws', new TestEnd())).rejects.toThrow(
      expect.objectContaining({ code: 'link-unreachable' }),
    )
    expect(relay.wires).toEqual([])
  })
})
