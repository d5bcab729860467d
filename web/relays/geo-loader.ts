import { CodecError, CulvertError } from '../../shared/bytes/error.ts'
import type { Geo } from '../../shared/geo/geo.ts'
import { GeoTable } from '../../shared/geo/geo-table.ts'
import type { Clock } from '../../shared/world/clock.ts'
import { doubledPause } from '../../shared/world/retry.ts'

/** Where a gateway serves the table of countries and networks. */
export const GEO_PATH = '/geo.bin'
/** The table has some 4 MB. */
const GEO_BYTES = 32 * 1024 * 1024
const GEO_TIMEOUT_MS = 120_000
/** Until it is asked for again; twice as long each time, up to the second. */
const GEO_AGAIN_MS = 30_000
const GEO_LONGEST_MS = 600_000

export interface GeoLoaderOptions {
  /** The browser's own. */
  readonly fetch: typeof globalThis.fetch | undefined
  /** The page's. Nobody else is asked. */
  readonly origin: string
  readonly clock: Clock
  /** Called when the table has come, or did not come at first. */
  readonly changed: () => void
}

/**
 * The table of countries and networks, from the page's own origin: whole, so that nobody is told which address is looked up. The
 * browser keeps it, and asks on each visit whether it is still the same.
 */
export class GeoLoader {
  state: 'loading' | 'here' | 'absent' = 'loading'
  geo: Geo | undefined
  /** Settles when the table is here, or did not come at once: from then on it is asked for again by itself. */
  readonly settled: Promise<void>
  private readonly options: GeoLoaderOptions
  private failures = 0

  constructor(options: GeoLoaderOptions) {
    this.options = options
    this.settled = this.load()
  }

  private async load(): Promise<void> {
    const { fetch, origin, clock, changed } = this.options
    try {
      this.geo = fetch && (await table(fetch, origin))
    } catch {
      clock.after(doubledPause(GEO_AGAIN_MS, GEO_LONGEST_MS, this.failures++), () => void this.load())
    }
    const before = this.state
    // Without it relays' own claims are all that is known.
    this.state = this.geo ? 'here' : 'absent'
    if (this.state !== before) changed()
  }
}

/**
 * @returns undefined if the site has none
 * @throws TypeError, CulvertError `geo-file-missing`, CodecError
 */
async function table(fetch: typeof globalThis.fetch, origin: string): Promise<Geo | undefined> {
  const signal = AbortSignal.timeout(GEO_TIMEOUT_MS)
  const response = await fetch(new URL(GEO_PATH, origin), {
    credentials: 'omit',
    redirect: 'error',
    priority: 'low',
    signal,
  })
  if (response.status === 404) return undefined
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
