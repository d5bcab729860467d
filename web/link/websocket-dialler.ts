import { utf8ToBytes } from '@noble/hashes/utils.js'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { KeyPair, PublicKey } from '../../shared/identity/keys.ts'
import { BINDINGS, type ChannelBinding, NO_BINDING } from '../../shared/link/auth-binding.ts'
import { closeCodeOf, closeReasonOf } from '../../shared/link/close-codes.ts'
import { type DialEnds, dialling } from '../../shared/link/dialling.ts'
import { isOnionName, type LinkAddress, websocketUrlOf } from '../../shared/link/link-address.ts'
import type { Dialler, DialSignal, DialTarget, Wire } from '../../shared/link/wire.ts'
import { type WireIdentity, WireSession } from '../../shared/link/wire-session.ts'

/** The WebSocket must be open within this time. */
const CONNECT_TIMEOUT_MS = 10_000
/** The same at an onion service: Tor has to find it first, and to build two circuits. */
const ONION_TIMEOUT_MS = 60_000

/** What a page's diallers have in common. */
export interface PageIdentity extends Omit<WireIdentity, 'keyPair'> {
  /** The key that this page is known by to one neighbour, on this visit; to no other. */
  keyFor(neighbour: PublicKey): KeyPair
}

export interface WebSocketDiallerOptions extends PageIdentity {
  /** The browser's constructor, where the global one has been taken away; the global one if not given. */
  readonly webSocket?: typeof WebSocket | undefined
}

/**
 * Opens wires to relays by WebSocket: the relay proves its key (L-03), and the page one that it made for this relay alone,
 * so that links to different relays tell nothing of each other.
 */
export class WebSocketDialler implements Dialler {
  readonly kind = 'websocket'
  private readonly options: WebSocketDiallerOptions

  constructor(options: WebSocketDiallerOptions) {
    this.options = options
  }

  canDial({ kind }: LinkAddress): boolean {
    return kind === 'websocket'
  }

  /**
   * @throws CulvertError `link-unreachable` (no WebSocket within 10 s, at an onion service 60 s), `link-full` (over a limit of the relay's),
   *   `link-closed` (text where bytes belong), `link-aborted`; LinkAuthError as listed there
   */
  dial(target: DialTarget, signal?: DialSignal): Promise<Wire> {
    const { clock } = this.options
    const timeoutMs = isOnionName(target.address.at.host) ? ONION_TIMEOUT_MS : CONNECT_TIMEOUT_MS
    return dialling({ clock, signal, timeoutMs }, (ends) => {
      const opening = new Opening(this.options, target, ends)
      return () => opening.release()
    })
  }
}

/** One WebSocket: on its way, then proving keys, then a wire. */
class Opening {
  private readonly options: WebSocketDiallerOptions
  private readonly target: DialTarget
  private readonly ends: DialEnds
  private readonly socket: WebSocket
  private session: WireSession | undefined

  constructor(options: WebSocketDiallerOptions, target: DialTarget, ends: DialEnds) {
    this.options = options
    this.target = target
    this.ends = ends
    this.socket = webSocketTo(options, target.address)
    this.socket.addEventListener('open', () => this.authenticate())
    this.socket.addEventListener('message', (event: MessageEvent<unknown>) => this.receive(event.data))
    this.socket.addEventListener('close', (event) => {
      this.session?.closed(closeReasonOf(event.code))
      ends.onFailed(new CulvertError('link-unreachable', 'no WebSocket to the relay'))
    })
    // Says nothing, and a close event follows; unheard, it would be an error of the program in Node.
    this.socket.addEventListener('error', () => options.counters.add('link-socket-error'))
  }

  /** There is to be no wire. */
  release(): void {
    this.session?.close('failed')
    this.socket.close(closeCodeOf('failed'), 'failed')
  }

  private authenticate(): void {
    const { address, publicKey } = this.target
    this.ends.connected()
    this.session = new WireSession({
      ...this.options,
      keyPair: this.options.keyFor(publicKey),
      kind: 'websocket',
      peer: address.at,
      pipe: {
        send: (message) => this.send(message),
        bufferedBytes: () => this.socket.bufferedAmount,
        close: (code, reason) => this.socket.close(code, reason),
      },
      role: { address, expectedKey: publicKey, binding: bindingTo(address) },
      onWire: (wire) => this.ends.onWire(wire),
      onFailed: (error) => this.ends.onFailed(error),
    })
  }

  private receive(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      this.session?.receive(new Uint8Array(data))
      return
    }
    this.options.counters.add('link-text-message')
    if (this.session?.authenticated) this.session.close('protocol')
    else this.ends.onFailed(new CulvertError('link-closed', 'the relay sent text where bytes belong'))
  }

  private send(message: Uint8Array): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(message as Uint8Array<ArrayBuffer>)
  }
}

function webSocketTo({ webSocket }: WebSocketDiallerOptions, address: LinkAddress): WebSocket {
  try {
    if (address.kind !== 'websocket') throw new TypeError('not the address of a WebSocket')
    const socket = new (webSocket ?? WebSocket)(websocketUrlOf(address))
    socket.binaryType = 'arraybuffer'
    return socket
  } catch (cause) {
    // Not one that this page may use: ws: in a page that came by https:.
    throw new CulvertError('link-unreachable', 'the relay’s address cannot be used from here', { cause })
  }
}

/** An onion service's name is its key: who answers to it cannot be a man in the middle's. */
function bindingTo({ at }: LinkAddress): ChannelBinding {
  return isOnionName(at.host) ? { kind: BINDINGS.onion, value: utf8ToBytes(at.host) } : NO_BINDING
}
