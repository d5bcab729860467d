import { readFile, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { IpAddress } from '../../shared/bytes/address.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { Geo, GeoPoint, GeoRecord } from '../../shared/geo/geo.ts'
import { GeoTable } from '../../shared/geo/geo-table.ts'
import { MmdbFile } from './mmdb.ts'

/** Absolute paths of what the operator gives, if anything. */
export interface GeoFiles {
  /** In the place of the table that is built with the project. */
  readonly table?: string | undefined
  /** MMDB files, which go before the table; one file may serve as both. */
  readonly country?: string | undefined
  readonly as?: string | undefined
}

export interface LoadedGeo {
  readonly geo: Geo
  /** The table itself, for pages; absent where there is none. */
  readonly table: Uint8Array | undefined
}

/** Where the build puts the table, seen from the built relay and from this file. */
const BUILT = ['../geo.bin', '../../dist/geo.bin']
const MAX_FILE_BYTES = 512 * 2 ** 20

/**
 * Reads what is known of countries and networks into memory.
 * @returns undefined if nothing is configured, and no table was built
 * @throws CulvertError `geo-file-missing` or `geo-file-damaged`, for a file that was asked for
 */
export async function loadGeo(files: GeoFiles): Promise<LoadedGeo | undefined> {
  const table = files.table === undefined ? await builtTable() : await readNamed(files.table, 'table')
  const parsed = table && parseAs(files.table ?? 'geo.bin', () => GeoTable.read(table))
  const country = await loadMmdb(files.country, 'country')
  const as = files.as === files.country ? country : await loadMmdb(files.as, 'as')
  if (parsed === undefined && country === undefined && as === undefined) return undefined
  return { geo: new OperatorsGeo(parsed, country, as), table }
}

async function loadMmdb(path: string | undefined, key: string): Promise<MmdbFile | undefined> {
  if (path === undefined) return undefined
  const bytes = await readNamed(path, key)
  return parseAs(path, () => new MmdbFile(bytes))
}

async function builtTable(): Promise<Uint8Array | undefined> {
  for (const path of BUILT) {
    const bytes = await readFile(fileURLToPath(new URL(path, import.meta.url))).catch(() => undefined)
    if (bytes) return bytes
  }
  return undefined
}

async function readNamed(path: string, key: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path)
    if (size <= MAX_FILE_BYTES) return await readFile(path)
  } catch (cause) {
    const message = `geo.${key}: ${path} cannot be read: correct the path, or leave the key out to use the built table`
    throw new CulvertError('geo-file-missing', message, { cause })
  }
  throw new CulvertError('geo-file-damaged', `geo.${key}: ${path} has more than ${MAX_FILE_BYTES} bytes`)
}

function parseAs<T>(path: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    const message = `${path} holds no table of countries or networks, or is damaged: download it anew (MMDB), or build it anew (npm run build)`
    throw new CulvertError('geo-file-damaged', message, { cause })
  }
}

/** The operator's files first, each for what it is there for; the table for what they do not know. */
class OperatorsGeo implements Geo {
  private readonly table: GeoTable | undefined
  private readonly country: MmdbFile | undefined
  private readonly as: MmdbFile | undefined

  constructor(table: GeoTable | undefined, country: MmdbFile | undefined, as: MmdbFile | undefined) {
    this.table = table
    this.country = country
    this.as = as
  }

  lookup(address: IpAddress): GeoRecord | undefined {
    const known = this.table?.lookup(address)
    const country = ask(this.country, address)?.country ?? known?.country
    const as = ask(this.as, address)?.as ?? known?.as
    if (country === undefined && as === undefined) return undefined
    return { ...(country !== undefined && { country }), ...(as !== undefined && { as }) }
  }

  centre(country: string): GeoPoint | undefined {
    return this.table?.centre(country)
  }
}

/** A file that is damaged in one place still serves in others. */
function ask(file: MmdbFile | undefined, address: IpAddress): GeoRecord | undefined {
  try {
    return file?.lookup(address)
  } catch {
    return undefined
  }
}
