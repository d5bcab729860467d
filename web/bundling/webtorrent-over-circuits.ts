import { readFileSync } from 'node:fs'
import { dirname, relative, resolve, sep } from 'node:path'
import type { Plugin } from 'vite'
import { CulvertError } from '../../shared/bytes/error.ts'
import {
  BROWSER_PACKAGES,
  EXPECTED_VERSIONS,
  OWN_FILES,
  OWN_MODULES,
  PATCHES,
  UNHIDDEN_FILES,
} from './replacements.ts'

const web = resolve(import.meta.dirname, '..')
const modules = resolve(web, '../node_modules')

export const webtorrentDefines = { global: 'globalThis', 'process.browser': 'true' }

/**
 * Bundles WebTorrent's Node side for a worker, as `replacements.ts` says. List it in `plugins`, in `worker.plugins` and in
 * `optimizeDeps.rolldownOptions.plugins`.
 * @throws CulvertError `bundling-unexpected`, and so fails the build, when a package is not as it was when this was written
 */
export function webtorrentOverCircuits(): Plugin {
  let serving = false
  return {
    name: 'culvert:webtorrent-over-circuits',
    enforce: 'pre',
    configResolved: ({ command }) => {
      serving = command === 'serve'
    },
    buildStart: checkPackages,
    resolveId(source, importer) {
      const id = source.replace(/^node:/, '')
      if (importer === undefined) return null
      if (id.startsWith('.')) return resolveFile(packagePath(resolve(dirname(cleanId(importer)), id)))
      const bare = id.replace(/\/$/, '')
      const own = OWN_MODULES[bare]
      if (own !== undefined) return resolve(web, own)
      const browserPackage = BROWSER_PACKAGES[bare]
      if (browserPackage !== undefined) {
        // The development server has them optimised: as they are, they are no modules.
        const optimised = serving && packagePath(cleanId(importer)) === ''
        return optimised ? this.resolve(bare, importer, { skipSelf: true }) : resolve(modules, browserPackage)
      }
      return resolveFile(`${bare}/index.js`)
    },
    transform(code, id) {
      const path = packagePath(cleanId(id))
      const patches = PATCHES.filter((patch) => patch.file === path)
      if (patches.length === 0) return null
      // No source map: a patch changes words, not lines.
      return { code: applyPatches(path, code), map: null }
    },
  }
}

function cleanId(id: string): string {
  return id.replace(/[?#].*$/, '').replace(/^\0/, '')
}

/** `package/path` of a file in node_modules, else an empty string. */
function packagePath(file: string): string {
  const path = relative(modules, file)
  return path.startsWith('..') ? '' : path.split(sep).join('/')
}

function resolveFile(path: string): string | null {
  const own = OWN_FILES[path]
  if (own !== undefined) return resolve(web, own.module)
  return UNHIDDEN_FILES.includes(path) ? resolve(modules, path) : null
}

/** The text of `path` after all its patches. */
export function applyPatches(path: string, text: string): string {
  let patched = text
  for (const patch of PATCHES) {
    if (patch.file !== path) continue
    const found = patched.split(patch.find).length - 1
    if (found !== 1)
      throw unexpected(`${path}: found ${found} times, not once: ${JSON.stringify(patch.find)}`)
    patched = patched.replace(patch.find, () => patch.replace)
  }
  return patched
}

/** Compares what is installed with what the replacements were written for. */
export function checkPackages(): void {
  for (const [name, expected] of Object.entries(EXPECTED_VERSIONS)) {
    const { version } = JSON.parse(readText(`${name}/package.json`)) as { version: string }
    if (version !== expected) throw unexpected(`${name} is ${version}, expected ${expected}`)
  }
  for (const [path, { marker }] of Object.entries(OWN_FILES)) {
    if (!readText(path).includes(marker))
      throw unexpected(`${path} does not contain ${JSON.stringify(marker)}`)
  }
  for (const path of [...UNHIDDEN_FILES, ...Object.values(BROWSER_PACKAGES)]) readText(path)
  for (const path of new Set(PATCHES.map((patch) => patch.file))) applyPatches(path, readText(path))
}

function readText(path: string): string {
  try {
    return readFileSync(resolve(modules, path), 'utf8')
  } catch (cause) {
    throw unexpected(`node_modules/${path} cannot be read`, cause)
  }
}

function unexpected(what: string, cause?: unknown): CulvertError {
  return new CulvertError(
    'bundling-unexpected',
    `${what}. Compare the package with web/bundling/replacements.ts and mend that before building.`,
    { cause },
  )
}
