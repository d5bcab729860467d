import type { AddressInfo, Server } from 'node:net'
import { CulvertError } from '../shared/bytes/error.ts'

export interface ListenPlace {
  /** `::` is all IPv4 addresses where the machine has no IPv6. */
  readonly host: string
  /** 0 for a free one. */
  readonly port: number
}

/** How a port that there is not is told of. */
export interface ListenErrors {
  /** Code where another program has it. */
  readonly busy: string
  /** Code of every other reason. */
  readonly bind: string
  /** The configuration key to look at, if there is one for this port alone. */
  readonly key?: string
}

/**
 * Listens on a TCP port.
 * @returns the port that it listens on
 * @throws CulvertError of the codes given
 */
export async function listening(
  server: Server,
  { host, port }: ListenPlace,
  errors: ListenErrors,
): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (host === '::' && code === 'EAFNOSUPPORT') return listening(server, { host: '0.0.0.0', port }, errors)
    throw listenError(`TCP port ${port} of ${host}`, cause as NodeJS.ErrnoException, errors)
  }
  return (server.address() as AddressInfo).port
}

function listenError(
  at: string,
  cause: NodeJS.ErrnoException,
  { busy, bind, key }: ListenErrors,
): CulvertError {
  if (cause.code === 'EADDRINUSE') {
    const advice = key === undefined ? 'stop it, or configure another port' : `set another ${key}`
    return new CulvertError(busy, `${at} is in use by another program: ${advice}`, { cause })
  }
  const see = key === undefined ? '' : `; see ${key}`
  return new CulvertError(bind, `${at} cannot be listened on: ${cause.code}${see}`, { cause })
}
