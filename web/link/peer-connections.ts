import SimplePeer from 'simple-peer/simplepeer.min.js'
import { MAX_MESSAGE_BYTES } from '../../shared/link/constants.ts'
import type { ChannelCommand, ChannelReport, ChannelRequest } from './channel-messages.ts'

// The only file of the private page that uses WebRTC. It is loaded when the engine first asks for a data channel, connects
// to whom the engine's signals say and to nobody else, and asks no server for its address but the one that the engine names.

/** The part of simple-peer that is used. */
export interface Peer {
  on(event: 'signal', listener: (signal: PeerSignal) => void): void
  on(event: 'connect' | 'close' | 'error', listener: () => void): void
  on(event: 'data', listener: (data: unknown) => void): void
  signal(signal: PeerSignal): void
  /** @param written called when the channel has room for more */
  write(message: Uint8Array, written: () => void): boolean
  end(): void
  destroy(): void
}

export type PeerSignal =
  | { readonly type: 'offer' | 'answer'; readonly sdp: string }
  | {
      readonly type: 'candidate'
      readonly candidate: {
        readonly candidate: string
        readonly sdpMid: string | null
        readonly sdpMLineIndex: number | null
      }
    }

/** What simple-peer is made with. */
export interface PeerOptions {
  readonly initiator: boolean
  readonly channelName: string
  readonly config: { readonly iceServers: readonly { readonly urls: string }[] }
  /** A message stays a message. */
  readonly objectMode: true
}

/** `stun:host:port`, the host a name, an IPv4 address, or an IPv6 address in brackets. No `turn:`, no `stuns:`. */
const STUN = /^stun:(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+):[0-9]{1,5}$/

const CHANNEL_NAME = 'culvert'

/** Makes one data channel, and carries its messages over `port` until either end closes. */
export function servePeer(
  request: ChannelRequest,
  port: MessagePort,
  makePeer: (options: PeerOptions) => Peer = simplePeer,
): void {
  new ServedPeer(request, port, makePeer)
}

class ServedPeer {
  private readonly initiator: boolean
  private readonly port: MessagePort
  private readonly peer: Peer | undefined
  private written = 0
  private isOpen = false
  private isClosed = false

  constructor(
    { initiator, stun }: ChannelRequest,
    port: MessagePort,
    makePeer: (options: PeerOptions) => Peer,
  ) {
    this.initiator = initiator
    this.port = port
    port.onmessage = ({ data }: MessageEvent<ChannelCommand>) => this.receive(data)
    const iceServers = stun !== undefined && STUN.test(stun) ? [{ urls: stun }] : []
    try {
      this.peer = makePeer({ initiator, channelName: CHANNEL_NAME, config: { iceServers }, objectMode: true })
    } catch {
      // No WebRTC in this browser, or switched off in it.
      this.closed()
      return
    }
    this.peer.on('signal', (signal) => this.signalled(signal))
    this.peer.on('connect', () => {
      this.isOpen = true
      this.report({ type: 'open' })
    })
    this.peer.on('data', (data) => this.heard(data))
    this.peer.on('error', () => this.closed())
    this.peer.on('close', () => this.closed())
  }

  private receive(command: ChannelCommand): void {
    const { peer } = this
    if (this.isClosed || peer === undefined) return
    try {
      if (command instanceof ArrayBuffer) this.send(peer, new Uint8Array(command))
      else if (command.type === 'close') this.end(peer)
      else if (command.type === 'description') peer.signal({ type: this.theirType, sdp: command.sdp })
      else peer.signal(remoteCandidate(command.candidate))
    } catch {
      // What the browser does not take of a stranger's SDP or candidates.
      this.closed()
    }
  }

  /** An open channel first sends what waits in it; one that is on its way is called off. */
  private end(peer: Peer): void {
    if (this.isOpen) peer.end()
    else this.closed()
  }

  private get theirType(): 'offer' | 'answer' {
    return this.initiator ? 'answer' : 'offer'
  }

  private send(peer: Peer, message: Uint8Array): void {
    const { length } = message
    peer.write(message, () => {
      // Many messages are written in one turn: one report tells of all.
      if (this.written === 0) queueMicrotask(() => this.reportWritten())
      this.written += length
    })
  }

  private reportWritten(): void {
    this.report({ type: 'written', bytes: this.written })
    this.written = 0
  }

  private signalled(signal: PeerSignal): void {
    if (signal.type === 'candidate') {
      this.report({ type: 'candidate', candidate: signal.candidate.candidate })
    } else if (signal.type === 'offer' || signal.type === 'answer') {
      this.report({ type: 'description', sdp: signal.sdp })
    }
  }

  private heard(data: unknown): void {
    if (!(data instanceof Uint8Array) || data.length > MAX_MESSAGE_BYTES) {
      this.closed()
      return
    }
    const { buffer, byteLength } = data
    const whole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
    const bytes = whole ? buffer : Uint8Array.from(data).buffer
    if (!this.isClosed) this.port.postMessage(bytes, [bytes])
  }

  private closed(): void {
    if (this.isClosed) return
    this.report({ type: 'closed' })
    this.isClosed = true
    this.port.close()
    this.peer?.destroy()
  }

  private report(report: ChannelReport): void {
    if (!this.isClosed) this.port.postMessage(report)
  }
}

/** There is one section, that of the data channel. */
function remoteCandidate(candidate: string): PeerSignal {
  return { type: 'candidate', candidate: { candidate, sdpMid: null, sdpMLineIndex: 0 } }
}

function simplePeer(options: PeerOptions): Peer {
  const config = { iceServers: [...options.config.iceServers] }
  return new SimplePeer({ ...options, config }) as unknown as Peer
}
