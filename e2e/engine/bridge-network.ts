import type { Address, IpAddress } from '../../shared/bytes/address.ts'
import type { ByteStream, ByteStreamEvents } from '../../shared/stream/byte-stream.ts'
import { NativeWebSocket, nativeFetch } from '../../web/engine/native.ts'
import type { Network, NetworkView } from '../../web/engine/network.ts'
import { readSiteDocument, type SiteDocument } from '../../web/engine/site-document.ts'
import type { Tunnel, TunnelDatagrams } from '../../web/tunnel/tunnel.ts'
import { datagram, FRAME, frame, parseDatagram, parseFrame } from './bridge-frames.ts'

/** In place of circuits: the page's end of the bridge. The test's build puts this file where `PrivateNetwork` is imported. */
export class PrivateNetwork implements Network {
  onChange: () => void = () => {}
  onCircuit: () => void = () => {}
  private socket: WebSocket | undefined
  private readonly streams = new Map<number, BridgeStream>()
  private readonly sockets = new Map<number, (origin: IpAddress, data: Uint8Array) => void>()
  private next = 1

  readonly tunnel: Tunnel = {
    connect: (destination, events) => this.connect(destination, events),
    httpRequest: async () => undefined,
    datagrams: (onDatagram) => this.datagrams(onDatagram),
  }

  async start(origin: string): Promise<SiteDocument> {
    if (!nativeFetch || !NativeWebSocket) throw new TypeError('no way to the bridge')
    const document: unknown = await (await nativeFetch(new URL('/culvert.json', origin))).json()
    const site = readSiteDocument(document)
    const { bridge } = document as { bridge: string }
    const socket = new NativeWebSocket(bridge)
    socket.binaryType = 'arraybuffer'
    socket.onmessage = ({ data }) => this.receive(new Uint8Array(data as ArrayBuffer))
    await new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = reject
    })
    this.socket = socket
    this.onChange()
    return site
  }

  setHops(): void {}

  newCircuit(): void {}

  startAnew(): void {}

  view(): NetworkView {
    const state = this.socket ? 'open' : 'connecting'
    return {
      entry: { state, name: 'bridge', relays: 1, exits: 1, ways: [], needed: 1 },
      circuits: [],
      problem: undefined,
      exitAddress: '127.0.0.1',
    }
  }

  send(kind: number, id: number, payload?: Uint8Array): void {
    this.socket?.send(frame(kind, id, payload))
  }

  private connect({ host, port }: Address, events: ByteStreamEvents): ByteStream {
    const id = this.next++
    const stream = new BridgeStream(this, id, events, () => this.streams.delete(id))
    this.streams.set(id, stream)
    this.send(FRAME.open, id, datagram(host, port, new Uint8Array(0)))
    return stream
  }

  private datagrams(onDatagram: (origin: IpAddress, data: Uint8Array) => void): TunnelDatagrams {
    const id = this.next++
    this.sockets.set(id, onDatagram)
    this.send(FRAME.udpOpen, id)
    return {
      send: ({ host, port }, data) => this.send(FRAME.udp, id, datagram(host, port, data)),
      close: () => {
        this.sockets.delete(id)
        this.send(FRAME.udpClose, id)
      },
    }
  }

  private receive(bytes: Uint8Array): void {
    const { kind, id, payload } = parseFrame(bytes)
    if (kind === FRAME.udp) {
      const { host, port, data } = parseDatagram(payload)
      this.sockets.get(id)?.({ kind: 'ipv4', host, port }, data)
    } else {
      this.streams.get(id)?.receive(kind, payload)
    }
  }
}

class BridgeStream implements ByteStream {
  private readonly network: PrivateNetwork
  private readonly id: number
  private readonly events: ByteStreamEvents
  private readonly forget: () => void
  private over = false

  constructor(network: PrivateNetwork, id: number, events: ByteStreamEvents, forget: () => void) {
    this.network = network
    this.id = id
    this.events = events
    this.forget = forget
  }

  receive(kind: number, payload: Uint8Array): void {
    if (kind === FRAME.opened) this.events.opened()
    else if (kind === FRAME.data) this.events.data(payload.slice())
    else if (kind === FRAME.end) this.events.ended()
    else if (kind === FRAME.closed) this.close(payload[0] === 1 ? 'connection-reset' : undefined)
  }

  write(chunk: Uint8Array): boolean {
    this.network.send(FRAME.data, this.id, chunk)
    return true
  }

  end(): void {
    this.network.send(FRAME.end, this.id)
  }

  destroy(): void {
    if (this.over) return
    this.network.send(FRAME.closed, this.id)
    queueMicrotask(() => this.close(undefined))
  }

  pause(): void {
    this.network.send(FRAME.pause, this.id)
  }

  resume(): void {
    this.network.send(FRAME.resume, this.id)
  }

  private close(reason: 'connection-reset' | undefined): void {
    if (this.over) return
    this.over = true
    this.forget()
    this.events.closed(reason)
  }
}
