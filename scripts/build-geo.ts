/**
 * Makes dist/geo.bin, the table of countries and networks that relay and page load: `npx tsx scripts/build-geo.ts`, and part of
 * `npm run build`. The same packages give the same bytes; nothing is done where the file is there already.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildGeo } from './geo-data.ts'
import { sourceVersions } from './geo-sources.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const MAKERS = ['geo-data', 'geo-sources', 'country-centres', 'natural-earth'].map(
  (name) => `scripts/${name}.ts`,
)
const table = `${root}dist/geo.bin`
const stampFile = `${root}dist/geo.stamp`

/** Changes with the packages and with the programs that make the file. */
function stampOf(): string {
  const hash = createHash('sha256').update(sourceVersions().join())
  for (const path of [...MAKERS, 'shared/geo/geo-file.ts']) hash.update(readFileSync(root + path))
  return hash.digest('hex')
}

const stamp = stampOf()
const isThere = existsSync(table) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp
if (!isThere) {
  mkdirSync(`${root}dist`, { recursive: true })
  // Renamed when it is whole: a relay may be reading the old one.
  writeFileSync(`${table}.new`, buildGeo())
  renameSync(`${table}.new`, table)
}
// Anew each time: `npm start` goes by when it was written.
writeFileSync(stampFile, stamp)
