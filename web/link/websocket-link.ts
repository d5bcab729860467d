import { addressOf } from '../../shared/bytes/address.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { KeyPair, type PublicKey } from '../../shared/identity/keys.ts'
import { LinkAuthInitiator } from '../../shared/link/auth.ts'
import { closeCodeOf, closeReasonOf } from '../../shared/link/close-codes.ts'
import type { Link, LinkCloseReason } from '../../shared/link/link.ts'
import { QueuedLink } from '../../shared/link/queued-link.ts'
import type { Clock, Timer } from '../../shared/world/clock.ts'
import type { Counters } from '../../shared/world/counters.ts'
import type { Random } from '../../shared/world/random.ts'

/** The WebSocket must be open within this time. */
const CONNECT_TIMEOUT_MS = 10_000

export interface RelayLinkOptions {
  /** ws: or wss:, of the relay's /relay. */
  readonly url: string
  /** The key that the relay must prove, known beforehand from /culvert.json or from its descriptor. */
  readonly relayKey: PublicKey
  readonly network: string
  readonly clock: Clock
  readonly random: Random
  readonly counters: Counters
  /** The packet's memory belongs to the receiver. */
  onPacket(link: Link, packet: Uint8Array): void
  /** Only of a link that was opened. */
  onClosed(link: Link, reason: LinkCloseReason): void
  /** The browser's constructor, where the global one has been taken away; the global one if not given. */
  readonly webSocket?: typeof WebSocket
  /** Ends the attempt; without effect on a link that is open. */
  readonly signal?: AbortSignal
}

/**
 * Opens a link to a relay: a WebSocket, the relay's proof of its key (L-03), and then packets. The page proves a key that
 * it made for this link alone, so that links tell nothing of each other.
 * @throws CulvertError `relay-unreachable` (no WebSocket), `relay-full` (over a limit of the relay's), `relay-closed`,
 *   `link-aborted`; LinkAuthError as listed there
 */
export function openRelayLink(options: RelayLinkOptions): Promise<Link> {
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) reject(aborted())
    else new Opening(options, webSocketTo(options), resolve, reject)
  })
}

/** One WebSocket: on its way, then proving keys, then a link. */
class Opening {
  private readonly options: RelayLinkOptions
  private readonly resolve: (link: Link) => void
  private readonly reject: (error: Error) => void
  private readonly socket: WebSocket
  private readonly connectTimer: Timer
  private auth: LinkAuthInitiator | undefined
  private link: QueuedLink | undefined

  constructor(
    options: RelayLinkOptions,
    socket: WebSocket,
    resolve: (link: Link) => void,
    reject: (error: Error) => void,
  ) {
    this.options = options
    this.socket = socket
    this.resolve = resolve
    this.reject = reject
    this.socket.addEventListener('open', () => this.authenticate())
    this.socket.addEventListener('message', (event: MessageEvent<unknown>) => this.receive(event.data))
    this.socket.addEventListener('close', (event) => this.ended(closeReasonOf(event.code)))
    // Says nothing, and a close event follows; unheard, it would be an error of the program in Node.
    this.socket.addEventListener('error', () => options.counters.add('link-socket-error'))
    this.connectTimer = options.clock.after(CONNECT_TIMEOUT_MS, () => {
      this.giveUp(new CulvertError('relay-unreachable', 'the relay did not answer in time'))
    })
    options.signal?.addEventListener('abort', this.abort)
  }

  private authenticate(): void {
    const { clock, random, network, relayKey, counters } = this.options
    this.connectTimer.cancel()
    this.auth = new LinkAuthInitiator({
      keyPair: KeyPair.generate(random),
      expectedKey: relayKey,
      network,
      clock,
      random,
      send: (message) => this.send(message),
      onDone: () => this.become(),
      onFailed: (error) => {
        counters.add(`link-${error.code}`)
        this.giveUp(error)
      },
    })
    this.auth.start()
  }

  private become(): void {
    const { clock, counters, url, onPacket, onClosed, signal } = this.options
    const { hostname, port, protocol } = new URL(url)
    signal?.removeEventListener('abort', this.abort)
    this.link = new QueuedLink({
      kind: 'websocket',
      address: addressOf(hostname, port === '' ? (protocol === 'wss:' ? 443 : 80) : Number(port)),
      clock,
      counters,
      pipe: {
        send: (message) => this.send(message),
        bufferedBytes: () => this.socket.bufferedAmount,
        close: (code, reason) => this.socket.close(code, reason),
      },
      onPacket,
      onClosed,
    })
    this.resolve(this.link)
  }

  private receive(data: unknown): void {
    if (!(data instanceof ArrayBuffer)) {
      this.options.counters.add('link-text-message')
      if (this.link) this.link.close('protocol')
      else this.giveUp(new CulvertError('relay-closed', 'the relay sent text where bytes belong'))
    } else if (this.link) {
      this.link.receive(new Uint8Array(data))
    } else {
      this.auth?.receive(new Uint8Array(data))
    }
  }

  /** The WebSocket is over, whatever it was. */
  private ended(reason: LinkCloseReason): void {
    if (this.link) this.link.closed(reason)
    else if (!this.auth) this.giveUp(new CulvertError('relay-unreachable', 'no WebSocket to the relay'))
    else if (reason === 'limit') this.giveUp(new CulvertError('relay-full', 'the relay has no place left'))
    else this.giveUp(new CulvertError('relay-closed', `the relay closed the connection: ${reason}`))
  }

  private readonly abort = (): void => {
    this.giveUp(aborted())
  }

  /** Ends an attempt; only the first reason counts. */
  private giveUp(error: CulvertError): void {
    this.options.signal?.removeEventListener('abort', this.abort)
    this.connectTimer.cancel()
    this.reject(error)
    this.socket.close(closeCodeOf('failed'), 'failed')
    this.auth?.closed()
  }

  private send(message: Uint8Array): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(message as Uint8Array<ArrayBuffer>)
  }
}

function webSocketTo({ url, webSocket }: RelayLinkOptions): WebSocket {
  try {
    const socket = new (webSocket ?? WebSocket)(url)
    socket.binaryType = 'arraybuffer'
    return socket
  } catch (cause) {
    // Not a WebSocket URL, or one that this page may not use.
    throw new CulvertError('relay-unreachable', 'the relay’s address cannot be used from here', { cause })
  }
}

function aborted(): CulvertError {
  return new CulvertError('link-aborted', 'the link is not wanted any more')
}
