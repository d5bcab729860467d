import { constants, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { SecureContextOptions } from 'node:tls'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { Clock } from '../../shared/world/clock.ts'
import { fileFault } from '../file-fault.ts'
import type { Log } from '../log.ts'
import { writeWhole } from '../state-file.ts'
import { CERTIFICATE_DAYS } from './constants.ts'

/** A certificate that cannot be used, or kept. `tls-unreadable`, `tls-malformed`, `tls-mismatch`, `tls-expired`, `state-unwritable`. */
export class CertificateError extends CulvertError {}

export interface CertificatesOptions {
  /** Where the relay's own certificate is made and kept: `tls.crt`, and `tls.key` that its owner alone may read. */
  readonly state: string
  /** PEM files of the operator's, both or none. The certificate's may hold a chain. */
  readonly certificate?: string | undefined
  readonly key?: string | undefined
  readonly clock: Clock
  readonly log: Log
}

/** A server whose certificate can be changed while it runs: of node:tls or node:https. */
export interface SecureServer {
  setSecureContext(options: SecureContextOptions): void
}

/** PEM texts that have been checked. */
interface Pair {
  readonly cert: string
  readonly key: string
}

const DAY_MS = 86_400_000

/**
 * The certificate that this relay's TLS servers show, one for all. Relays do not look at each other's: who a neighbour is, is
 * proved by link authentication, bound to the connection. Only browsers look, where the gateway serves pages over TLS.
 */
export class Certificates {
  private readonly options: CertificatesOptions
  private readonly servers = new Set<SecureServer>()
  private pair: Pair

  private constructor(options: CertificatesOptions, pair: Pair) {
    this.options = options
    this.pair = pair
  }

  /**
   * Reads the operator's files, or the relay's own, which it makes at its first start and when they have expired.
   * @throws CertificateError
   */
  static async load(options: CertificatesOptions): Promise<Certificates> {
    return new Certificates(options, await load(options))
  }

  /** For `createServer`: certificate and key, TLS 1.3 alone, and no session that could be taken up again. */
  get context(): SecureContextOptions {
    return {
      ...this.pair,
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      secureOptions: constants.SSL_OP_NO_TICKET,
    }
  }

  /** Has `server` show new certificates as they come. @returns ends that */
  keepFresh(server: SecureServer): () => void {
    this.servers.add(server)
    return () => this.servers.delete(server)
  }

  /**
   * Reads the files anew. Connections that are open go on; new ones see the new certificate. What cannot be used leaves
   * everything as it was, and is said in the log. Never throws.
   * @returns whether the files could be used
   */
  async reload(): Promise<boolean> {
    const { log } = this.options
    try {
      const pair = await load(this.options)
      for (const server of this.servers) server.setSecureContext({ ...this.context, ...pair })
      this.pair = pair
      log.info('read the TLS certificate anew')
      return true
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      log.error(`the TLS certificate stays as it was: ${why}`)
      return false
    }
  }
}

async function load(options: CertificatesOptions): Promise<Pair> {
  const { state, clock } = options
  if (options.certificate !== undefined && options.key !== undefined) {
    return readPair(options.certificate, options.key, clock.wall())
  }
  const paths = { certificate: join(state, 'tls.crt'), key: join(state, 'tls.key') }
  try {
    return await readPair(paths.certificate, paths.key, clock.wall())
  } catch (error) {
    if (!isToBeMade(error)) throw error
  }
  const pair = await makePair(clock.wall())
  try {
    // First, so that a new key never lies beside an old certificate.
    await rm(paths.certificate, { force: true })
    await writeWhole(state, 'tls.key', pair.key)
    await writeWhole(state, 'tls.crt', pair.cert)
  } catch (cause) {
    throw new CertificateError(
      'state-unwritable',
      `the relay's certificate cannot be kept in ${state}: ${fileFault(cause)}; let the relay's user write there, or set state`,
      { cause },
    )
  }
  options.log.info('made a TLS certificate')
  return pair
}

/** Missing, or as old as that; anything else is for the operator to look at. */
function isToBeMade(error: unknown): boolean {
  if (!(error instanceof CertificateError)) return false
  return error.code === 'tls-expired' || (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT'
}

/**
 * Self-signed, ECDSA over P-256: what every TLS 1.3 takes. Says nothing of this relay: no name, and no hour at which it began.
 */
async function makePair(nowMs: number): Promise<Pair> {
  const { generate } = await import('selfsigned')
  const notBeforeDate = new Date(Math.floor(nowMs / DAY_MS - 1) * DAY_MS)
  const notAfterDate = new Date(notBeforeDate.getTime() + CERTIFICATE_DAYS * DAY_MS)
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate,
    notAfterDate,
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
    ],
  })
  return { cert: made.cert, key: made.private }
}

async function readPair(certificatePath: string, keyPath: string, nowMs: number): Promise<Pair> {
  const cert = await read(certificatePath)
  const key = await read(keyPath)
  const parsed = parse(certificatePath, 'certificate', () => new X509Certificate(cert))
  const secret: KeyObject = parse(keyPath, 'private key', () => createPrivateKey(key))
  if (!parsed.checkPrivateKey(secret)) {
    throw new CertificateError('tls-mismatch', `${keyPath} is not the key of ${certificatePath}`)
  }
  if (Date.parse(parsed.validTo) <= nowMs) {
    throw new CertificateError('tls-expired', `${certificatePath} has expired: get a new certificate`)
  }
  return { cert, key }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new CertificateError('tls-unreadable', `${path} cannot be read: ${fileFault(cause)}`, { cause })
  }
}

function parse<T>(path: string, what: string, parser: () => T): T {
  try {
    return parser()
  } catch (cause) {
    throw new CertificateError('tls-malformed', `${path} is no ${what} in PEM form, without a passphrase`, {
      cause,
    })
  }
}
