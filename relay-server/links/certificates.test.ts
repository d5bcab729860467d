import { X509Certificate } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect, createServer, type Server, type TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { createLog } from '../log.ts'
import { CertificateError, Certificates, type CertificatesOptions } from './certificates.ts'

const NOW_MS = Date.UTC(2026, 5, 1)
const TEN_YEARS_MS = 3_650 * 86_400_000

let folder: string
let lines: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'culvert-tls-'))
  lines = []
})
afterEach(() => rm(folder, { recursive: true }))

const at = (name: string) => join(folder, name)

function optionsOf(overrides: Partial<CertificatesOptions> = {}, nowMs = NOW_MS): CertificatesOptions {
  const log = createLog('info', (line) => lines.push(line))
  return { state: at('state'), clock: new VirtualClock(nowMs), log, ...overrides }
}

/** An operator's files, made as the relay makes its own, elsewhere. */
async function operatorsFiles(name: string, nowMs = NOW_MS) {
  const state = at(name)
  await Certificates.load(optionsOf({ state }, nowMs))
  return { certificate: join(state, 'tls.crt'), key: join(state, 'tls.key') }
}

const refusal = (options: CertificatesOptions) =>
  Certificates.load(options).then(
    () => undefined,
    (error: unknown) => error,
  )

describe('certificates of its own (L-03)', () => {
  it('are made at the first start, the key for the owner alone, and used from then on', async () => {
    const first = await Certificates.load(optionsOf())
    expect((await stat(at('state/tls.key'))).mode & 0o777).toBe(0o600)
    const certificate = new X509Certificate(await readFile(at('state/tls.crt')))
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
    expect(Date.parse(certificate.validTo) - NOW_MS).toBeGreaterThan(TEN_YEARS_MS - 3 * 86_400_000)
    expect(Date.parse(certificate.validFrom)).toBeLessThan(NOW_MS)
    const second = await Certificates.load(optionsOf())
    expect(second.context).toEqual(first.context)
  })

  it('say nothing of the relay', async () => {
    await Certificates.load(optionsOf({}, NOW_MS + 12_345_678))
    const certificate = new X509Certificate(await readFile(at('state/tls.crt')))
    expect([certificate.subject, certificate.issuer]).toEqual(['CN=localhost', 'CN=localhost'])
    expect(Date.parse(certificate.validFrom) % 86_400_000).toBe(0)
  })

  it('are made anew once they have expired, and when one file is missing', async () => {
    const first = await Certificates.load(optionsOf())
    const later = await Certificates.load(optionsOf({}, NOW_MS + TEN_YEARS_MS))
    expect(later.context.cert).not.toBe(first.context.cert)
    await rm(at('state/tls.crt'))
    const last = await Certificates.load(optionsOf())
    expect(last.context.key).not.toBe(later.context.key)
    expect((await stat(at('state/tls.key'))).mode & 0o777).toBe(0o600)
  })

  it('cannot be kept where nothing can be written, and the operator is told why', async () => {
    await mkdir(at('state/tls.key'), { recursive: true })
    expect(await refusal(optionsOf())).toMatchObject({
      code: 'state-unwritable',
      message: `the relay's certificate cannot be kept in ${at('state')}: it is a folder; let the relay's user write there, or set state`,
    })
    await writeFile(at('file'), '')
    expect(await refusal(optionsOf({ state: at('file') }))).toMatchObject({ code: 'tls-unreadable' })
  })

  it('are not thrown away for being damaged', async () => {
    await Certificates.load(optionsOf())
    await writeFile(at('state/tls.key'), 'garbage')
    expect(await refusal(optionsOf())).toMatchObject({ code: 'tls-malformed' })
    expect(await readFile(at('state/tls.key'), 'utf8')).toBe('garbage')
  })
})

describe('certificates of the operator (L-03)', () => {
  it('are used in place of the relay’s own, which is not made then', async () => {
    const files = await operatorsFiles('mine')
    const loaded = await Certificates.load(optionsOf(files))
    expect(loaded.context.cert).toBe(await readFile(files.certificate, 'utf8'))
    await expect(stat(at('state'))).rejects.toThrow()
  })

  it.each([
    ['no certificate file', 'tls-unreadable', async () => ({ certificate: at('none.crt') })],
    ['no key file', 'tls-unreadable', async () => ({ key: at('none.key') })],
    ['a folder', 'tls-unreadable', async () => ({ key: folder })],
    ['the key of another', 'tls-mismatch', async () => ({ key: (await operatorsFiles('other')).key })],
    [
      'a certificate that has expired',
      'tls-expired',
      () => operatorsFiles('old', NOW_MS - TEN_YEARS_MS - 86_400_000),
    ],
    [
      'a certificate that is none',
      'tls-malformed',
      async () => {
        await writeFile(at('bad.crt'), 'garbage')
        return { certificate: at('bad.crt') }
      },
    ],
    [
      'a key in the certificate’s place',
      'tls-malformed',
      async () => ({ certificate: (await operatorsFiles('other')).key }),
    ],
  ])('are refused with what is wrong: %s', async (_what, code, change) => {
    const files = { ...(await operatorsFiles('mine')), ...(await change()) }
    const error = await refusal(optionsOf(files))
    expect(error).toBeInstanceOf(CertificateError)
    expect(error).toMatchObject({ code })
    expect((error as Error).message).toContain(folder)
  })
})

describe('connections under a certificate (L-03)', () => {
  it('are of TLS 1.3, and none takes up an older one', async () => {
    const { context } = await Certificates.load(optionsOf())
    const server = createServer(context, (socket) => {
      socket.on('error', () => {})
      socket.write('hello')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const once = async (more: ConnectionOptions) => {
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...more })
      let session: Buffer | undefined
      socket.on('session', (each) => {
        session = each
      })
      await new Promise((resolve, reject) => {
        socket.once('error', reject)
        socket.once('data', resolve)
      })
      const seen = { protocol: socket.getProtocol(), reused: socket.isSessionReused(), session }
      socket.destroy()
      return seen
    }
    const first = await once({})
    expect(first).toMatchObject({ protocol: 'TLSv1.3', reused: false })
    expect(await once(first.session ? { session: first.session } : {})).toMatchObject({ reused: false })
    await expect(once({ maxVersion: 'TLSv1.2' })).rejects.toThrow()
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('certificates read anew (L-03)', () => {
  /** The certificate that a server shows to whoever connects now. */
  async function shownBy(server: Server): Promise<{ socket: TLSSocket; fingerprint: string }> {
    const { port } = server.address() as { port: number }
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    socket.on('error', () => {})
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    return { socket, fingerprint: socket.getPeerCertificate().fingerprint256 }
  }

  async function serving() {
    const files = await operatorsFiles('mine')
    const certificates = await Certificates.load(optionsOf(files))
    const server = createServer(certificates.context, (socket) => {
      socket.on('error', () => {})
      socket.pipe(socket)
    })
    const release = certificates.keepFresh(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { files, certificates, server, release }
  }

  it('are shown to new connections; those that are open go on', async () => {
    const { files, certificates, server, release } = await serving()
    const before = await shownBy(server)
    const next = await operatorsFiles('next')
    await writeFile(files.certificate, await readFile(next.certificate))
    await writeFile(files.key, await readFile(next.key))
    expect(await certificates.reload()).toBe(true)
    const after = await shownBy(server)
    expect(after.fingerprint).not.toBe(before.fingerprint)
    const echo = new Promise((resolve) => before.socket.once('data', (data) => resolve(String(data))))
    before.socket.write('still here')
    expect(await echo).toBe('still here')
    release()
    for (const { socket } of [before, after]) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })

  it('stay as they were if they cannot be used, which the log says', async () => {
    const { files, certificates, server } = await serving()
    const before = await shownBy(server)
    const { context } = certificates
    const spoilt = [
      () => writeFile(files.certificate, 'garbage'),
      () => rm(files.certificate),
      async () => writeFile(files.certificate, await readFile((await operatorsFiles('other')).certificate)),
    ]
    for (const spoil of spoilt) {
      await spoil()
      lines = []
      expect(await certificates.reload()).toBe(false)
      expect(lines.join('\n')).toContain('the TLS certificate stays as it was')
      const after = await shownBy(server)
      expect(after.fingerprint).toBe(before.fingerprint)
      after.socket.destroy()
    }
    expect(certificates.context).toEqual(context)
    before.socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
})
