import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { CulvertError } from '../../shared/bytes/error.ts'
import { WEB_ROOT_BYTES } from './constants.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.vtt': 'text/vtt; charset=utf-8',
  '.wasm': 'application/wasm',
  '.bin': 'application/octet-stream',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.mp4': 'video/mp4',
  '.webm': 'video/webm',
  '.torrent': 'application/x-bittorrent',
}

/** Worth compressing: text, WebAssembly, and the table of countries. */
const COMPRESSIBLE = /charset=utf-8|wasm|octet-stream/
/** Names that Vite gives by content: `assets/app-B3kf92aQ.js`. */
const NAMED_BY_CONTENT = /^\/assets\/.+-[\w-]{8,}\.\w+$/

const compress = promisify(gzip)

interface WebFile {
  readonly bytes: Buffer
  readonly type: string
  readonly etag: string
  readonly cacheControl: string
  gzipped?: Promise<Buffer>
}

/**
 * The built web app, read into memory once. Only what was found then is served, by its exact path: there is no path that
 * leads anywhere else.
 */
export class WebFiles {
  private readonly files: ReadonlyMap<string, WebFile>

  /**
   * @param root without it there is no app, and only `more` is served
   * @param more files by path, beside those of the app
   * @throws CulvertError `web-root-missing`, `web-root-too-large`
   */
  static async load(
    root: string | undefined,
    more: ReadonlyMap<string, Uint8Array> = new Map(),
  ): Promise<WebFiles> {
    const files = new Map<string, WebFile>()
    if (root !== undefined) {
      await readFolder(root, '', files)
      if (!files.has('/index.html')) {
        throw new CulvertError('web-root-missing', `no web app in ${root}: build it first (npm run build)`)
      }
    }
    for (const [path, bytes] of more) files.set(path, webFile(path, Buffer.from(bytes)))
    return new WebFiles(files)
  }

  private constructor(files: ReadonlyMap<string, WebFile>) {
    this.files = files
  }

  /**
   * Answers GET or HEAD of `path`, the request's path decoded. A path without extension that a browser wants to show is a
   * place in the app, so it gets the app.
   * @returns false if there is nothing there
   */
  async answer(path: string, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const file = this.find(path, request)
    if (!file) return false
    const zipped = COMPRESSIBLE.test(file.type) && accepts(request.headers['accept-encoding'], 'gzip')
    const etag = zipped ? `"${file.etag}-gzip"` : `"${file.etag}"`
    response.setHeader('Cache-Control', file.cacheControl)
    response.setHeader('ETag', etag)
    if (COMPRESSIBLE.test(file.type)) response.setHeader('Vary', 'Accept-Encoding')
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304).end()
      return true
    }
    if (zipped) file.gzipped ??= compress(file.bytes)
    const body = (zipped && (await file.gzipped)) || file.bytes
    if (zipped) response.setHeader('Content-Encoding', 'gzip')
    response.writeHead(200, { 'Content-Type': file.type, 'Content-Length': body.length })
    response.end(request.method === 'HEAD' ? undefined : body)
    return true
  }

  private find(path: string, request: IncomingMessage): WebFile | undefined {
    const file = this.files.get(path)
    if (file) return file
    const wantsPage = accepts(request.headers.accept, 'text/html')
    return path === '/' || (extname(path) === '' && wantsPage) ? this.files.get('/index.html') : undefined
  }
}

/** Reads a folder and those in it; not what is hidden, nor links, which could lead out of it. */
async function readFolder(folder: string, prefix: string, files: Map<string, WebFile>): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    const message = `the folder ${folder} of the web app cannot be read: build it first (npm run build)`
    throw new CulvertError('web-root-missing', message, { cause })
  })
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue
    const path = `${prefix}/${entry.name}`
    if (entry.isDirectory()) await readFolder(join(folder, entry.name), path, files)
    if (entry.isFile()) files.set(path, webFile(path, await readFile(join(folder, entry.name))))
  }
  let bytes = 0
  for (const file of files.values()) bytes += file.bytes.length
  if (bytes > WEB_ROOT_BYTES) {
    throw new CulvertError('web-root-too-large', `the web app has over ${WEB_ROOT_BYTES} bytes`)
  }
}

function webFile(path: string, bytes: Buffer): WebFile {
  return {
    bytes,
    type: TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream',
    etag: createHash('sha256').update(bytes).digest('base64url').slice(0, 22),
    cacheControl: NAMED_BY_CONTENT.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache',
  }
}

function accepts(header: string | string[] | undefined, what: string): boolean {
  return String(header ?? '').includes(what)
}
