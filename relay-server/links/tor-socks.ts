import { createHmac } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { SocksClient } from 'socks'
import type { CulvertError } from '../../shared/bytes/error.ts'
import { aborted } from '../../shared/link/dialling.ts'
import { isOnionName } from '../../shared/link/link-address.ts'
import type { DialSignal } from '../../shared/link/wire.ts'
import type { Clock } from '../../shared/world/clock.ts'
import { TOR_CONNECT_TIMEOUT_MS } from './tor-constants.ts'
import { TorError } from './tor-error.ts'

export interface TorStreamOptions {
  /** Tor's SOCKS port. */
  readonly socks: { readonly host: string; readonly port: number }
  readonly clock: Clock
  /** From now to the open stream. */
  readonly timeoutMs?: number
  /** Streams of different names never share a circuit (IsolateSOCKSAuth, which is tor's default). */
  readonly isolation: string
}

/**
 * A stream to an onion service through tor's SOCKS5 port. The caller must attach to it before it lets go of this turn.
 * @throws TorError `tor-not-onion` before anything is sent; `tor-socks-unreachable`, `tor-socks-protocol`,
 *   `tor-onion-unreachable`, `tor-onion-timeout`; CulvertError `link-aborted`
 */
export async function openTorStream(
  onion: string,
  port: number,
  options: TorStreamOptions,
  signal?: DialSignal,
): Promise<Socket> {
  if (!isOnionName(onion)) throw new TorError('tor-not-onion', 'only onion services are reached through tor')
  if (signal?.aborted) throw aborted()
  const { socks, clock, isolation, timeoutMs = TOR_CONNECT_TIMEOUT_MS } = options
  const socket = connect({ ...socks, noDelay: true })
  let why: CulvertError | undefined
  const giveUp = (error: CulvertError) => {
    why ??= error
    socket.destroy(error)
  }
  const abort = () => giveUp(aborted())
  signal?.addEventListener('abort', abort)
  const timer = clock.after(timeoutMs, () =>
    giveUp(new TorError('tor-onion-timeout', 'tor did not reach the onion service in time')),
  )
  try {
    await connected(socket)
    await SocksClient.createConnection({
      // Only a bound of the package's own, beyond ours.
      timeout: 2 * timeoutMs,
      command: 'connect',
      existing_socket: socket,
      proxy: { ...socks, type: 5, userId: isolation, password: '0' },
      destination: { host: onion, port },
    })
    return socket
  } catch (cause) {
    socket.on('error', () => undefined)
    socket.destroy()
    throw why ?? torErrorOf(cause)
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', abort)
  }
}

/** A SOCKS user name for one neighbour: the same for as long as the secret lives, and it tells nobody which neighbour. */
export function isolationOf(secret: Uint8Array, neighbour: Uint8Array): string {
  return createHmac('sha256', secret).update(neighbour).digest('hex').slice(0, 32)
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) =>
      reject(
        new TorError(
          'tor-socks-unreachable',
          `there is no tor at its SOCKS port (${cause.code ?? cause.message}): start it, or correct links.tor.socks`,
          { cause },
        ),
      )
    socket.once('error', failed)
    socket.once('connect', () => {
      socket.off('error', failed)
      resolve()
    })
  })
}

/** The package tells of a refusal of SOCKS by its text alone. */
function torErrorOf(cause: unknown): TorError {
  if (cause instanceof TorError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  // "Socks5 proxy rejected connection - HostUnreachable": SOCKS5 itself worked.
  const [, reason] = /rejected connection - (\w+)/.exec(message) ?? []
  return reason !== undefined
    ? new TorError('tor-onion-unreachable', `tor could not reach the onion service: ${reason}`, { cause })
    : new TorError('tor-socks-protocol', `tor's SOCKS port broke off: ${message.slice(0, 200)}`, { cause })
}
