import { afterEach } from 'vitest'
import { CulvertError } from '../../shared/bytes/error.ts'
import { type LinkAddress, parseLinkAddress } from '../../shared/link/link-address.ts'
import { TcpDialler, TcpListener, type TcpListenerOptions } from './tcp.ts'
import { HOST, mayReach, TestEnd, testCertificates } from './wires.fixture.ts'

export const certificates = await testCertificates()

export const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** A relay that takes links. */
export async function listening(overrides: Partial<TcpListenerOptions> = {}) {
  const end = new TestEnd()
  const listener = new TcpListener({
    ...end.identity,
    host: HOST,
    port: 0,
    certificates,
    mayReach: mayReach(true),
    onWire: end.onWire,
    ...overrides,
  })
  await listener.start()
  cleanUps.push(() => listener.stop())
  const [address] = listener.addresses()
  return { end, listener, address: address as LinkAddress, port: address?.at.port ?? 0 }
}

export const tcpTo = (port: number, host = HOST) => parseLinkAddress(`tcp://${host}:${port}`)

export function diallerOf(
  end: TestEnd,
  options: { lab: boolean; silenceMs?: number } = { lab: true },
): TcpDialler {
  const { lab, ...rest } = options
  return new TcpDialler({ ...end.identity, destinations: end.destinations({ lab }), ...rest })
}

/** The code of the error that dialling ends with. */
export function refusalOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'none',
    (error: unknown) => (error instanceof CulvertError ? error.code : String(error)),
  )
}
