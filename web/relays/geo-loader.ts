import { CodecError, CulvertError } from '../../shared/bytes/error.ts'
import type { Geo } from '../../shared/geo/geo.ts'
import { GeoTable } from '../../shared/geo/geo-table.ts'

/** Where a gateway serves the table of countries and networks. */
export const GEO_PATH = '/geo.bin'
/** The table has some 4 MB. */
const GEO_BYTES = 32 * 1024 * 1024
const GEO_TIMEOUT_MS = 120_000

/**
 * The table of countries and networks, from the page's own origin: whole, so that nobody is told which address is looked up. The
 * browser keeps it, and asks on each visit whether it is still the same.
 */
export class GeoLoader {
  state: 'loading' | 'here' | 'absent' = 'loading'
  geo: Geo | undefined
  /** Settles when the table is here, or will not come. */
  readonly settled: Promise<void>

  /**
   * @param fetch the browser's own
   * @param changed called when the table has come, or will not
   */
  constructor(fetch: typeof globalThis.fetch | undefined, origin: string, changed: () => void) {
    this.settled = load(fetch, origin).then(
      (geo) => {
        this.geo = geo
        this.state = 'here'
        changed()
      },
      () => {
        // A site without the table, or a table without sense: relays' own claims are all that is known then.
        this.state = 'absent'
        changed()
      },
    )
  }
}

/** @throws TypeError, CulvertError `geo-file-missing`, CodecError */
async function load(fetch: typeof globalThis.fetch | undefined, origin: string): Promise<Geo> {
  if (!fetch) throw new TypeError('this browser has no fetch')
  const signal = AbortSignal.timeout(GEO_TIMEOUT_MS)
  const response = await fetch(new URL(GEO_PATH, origin), {
    credentials: 'omit',
    redirect: 'error',
    priority: 'low',
    signal,
  })
  if (!response.ok || !response.body) {
    throw new CulvertError('geo-file-missing', `the table of countries: status ${response.status}`)
  }
  return GeoTable.read(await bounded(response.body))
}

async function bounded(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.length
    if (size > GEO_BYTES) {
      await reader.cancel()
      throw new CodecError('geo-file-damaged', `more than ${GEO_BYTES} bytes`)
    }
    parts.push(value)
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
