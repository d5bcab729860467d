import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fromHex } from '../../shared/bytes/bytes.ts'
import { CulvertError } from '../../shared/bytes/error.ts'
import { DISCOVERY_METHODS, type DiscoveryMethod } from '../../shared/discovery/constants.ts'
import type { Discovery } from '../../shared/discovery/scheduler.ts'
import type { RunResult } from '../../shared/discovery/source.ts'
import type { Counters } from '../../shared/world/counters.ts'
import { ADMIN_LIMITS } from './constants.ts'
import { metricsOf } from './metrics.ts'
import type { RelayRow } from './relay-rows.ts'
import { isToken } from './token.ts'

/** What the operator may do to a relay by hand. */
export type HandMark = 'block' | 'trust' | 'unmark'

export interface AdminServerOptions {
  /** A loopback address. */
  readonly host: string
  readonly port: number
  readonly token: string
  /** `admin-refused` */
  readonly counters: Counters
  status(): object | undefined
  discovery(): { readonly status: unknown; readonly lastRuns: readonly RunResult[] }
  readonly run: Discovery['runNow']
  relays(): readonly RelayRow[]
  /** Links with other relays, each with its health, addresses and id (L-07). */
  links(): object | undefined
  /** @param mid 20 bytes */
  mark(mid: Uint8Array, mark: HandMark): void
}

/** Answered as JSON `{error, message}`. */
class Refusal extends CulvertError {
  readonly status: number

  constructor(status: number, code: string, message: string) {
    super(code, message)
    this.status = status
  }
}

type Answer = unknown | Promise<unknown>
type Route = (body: Record<string, unknown>) => Answer

/**
 * The admin API (D-01): HTTP on a loopback address of its own, never the gateway's. Whoever asks shows the secret; browsers are
 * refused altogether: by the name they ask for (rebinding of names), by the origin they must tell, and since they get no leave
 * to send the header.
 */
export class AdminServer {
  private readonly options: AdminServerOptions
  private readonly server: Server
  private readonly routes: Readonly<Record<string, Route>>

  constructor(options: AdminServerOptions) {
    const { status, discovery, relays, links } = options
    this.options = options
    this.routes = {
      'GET /status': () => status(),
      'GET /metrics': () => metricsOf(status() ?? {}),
      'GET /discovery': () => discovery(),
      'POST /discovery/run': ({ method }) => this.runNow(method),
      'GET /links': () => links(),
      'GET /relays': () => ({ relays: relays() }),
      'POST /relays/block': ({ key }) => this.mark(key, 'block'),
      'POST /relays/trust': ({ key }) => this.mark(key, 'trust'),
      'POST /relays/unmark': ({ key }) => this.mark(key, 'unmark'),
    }
    this.server = createServer({
      maxHeaderSize: ADMIN_LIMITS.headerBytes,
      headersTimeout: ADMIN_LIMITS.requestMs,
      requestTimeout: ADMIN_LIMITS.requestMs,
    })
    this.server.maxConnections = ADMIN_LIMITS.connections
    this.server.on('request', (request, response) => void this.answer(request, response))
  }

  /** @returns the port @throws CulvertError `admin-bind` */
  async start(): Promise<number> {
    const { host, port } = this.options
    await new Promise<void>((resolve, reject) => {
      const fail = (cause: NodeJS.ErrnoException) =>
        reject(
          new CulvertError(
            'admin-bind',
            `the admin API cannot listen on port ${port} of ${host}: ${cause.code}`,
            {
              cause,
            },
          ),
        )
      this.server.once('error', fail)
      this.server.listen({ host, port }, () => {
        this.server.off('error', fail)
        resolve()
      })
    })
    this.server.on('error', () => this.options.counters.add('admin-accept-failed'))
    return (this.server.address() as AddressInfo).port
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve())
      this.server.closeAllConnections()
    })
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let status = 200
    let value: unknown
    try {
      this.admit(request)
      const route = this.routes[`${request.method} ${request.url}`]
      if (route === undefined) throw new Refusal(404, 'admin-no-such-thing', 'there is nothing here')
      value = await route(request.method === 'POST' ? await bodyOf(request) : {})
    } catch (error) {
      if (!(error instanceof Refusal)) {
        // Whoever asked has gone meanwhile: there is nobody to answer.
        this.options.counters.add('admin-broken-off')
        response.destroy()
        return
      }
      this.options.counters.add('admin-refused')
      status = error.status
      value = { error: error.code, message: error.message }
    }
    const isText = typeof value === 'string'
    const type = isText ? 'text/plain; version=0.0.4; charset=utf-8' : 'application/json'
    const headers = { 'content-type': type, 'cache-control': 'no-store', connection: 'close' }
    response.writeHead(status, headers).end(isText ? value : JSON.stringify(value))
  }

  /** Throws unless it is a program of this machine that knows the secret. */
  private admit({ headers }: IncomingMessage): void {
    const { port } = this.server.address() as AddressInfo
    const names = [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, `${this.options.host}:${port}`]
    if (!names.includes(headers.host ?? '')) throw new Refusal(403, 'admin-host', 'asked for by another name')
    // Programs send neither; a page's browser cannot leave both out.
    if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) {
      throw new Refusal(403, 'admin-origin', 'this is not for pages')
    }
    const [, sent] = /^Bearer ([0-9a-f]{1,128})$/.exec(headers.authorization ?? '') ?? []
    if (sent === undefined || !isToken(sent, this.options.token)) {
      throw new Refusal(401, 'admin-token', 'the secret of the token file is needed')
    }
  }

  private runNow(method: unknown): Promise<unknown> {
    const known = DISCOVERY_METHODS.find((each) => each === method)
    if (known === undefined) {
      throw new Refusal(400, 'admin-method', `method should be one of ${DISCOVERY_METHODS.join(', ')}`)
    }
    return new Promise((resolve, reject) => {
      if (!this.options.run(known, (result) => resolve(result))) reject(notConfigured(known))
    })
  }

  private mark(key: unknown, mark: HandMark): Answer {
    if (typeof key !== 'string' || !/^[0-9a-f]{40}$/.test(key)) {
      throw new Refusal(400, 'admin-key', 'key should be the id of a relay, 40 hexadecimal digits')
    }
    this.options.mark(fromHex(key), mark)
    return { relay: this.options.relays().find(({ id }) => id === key) }
  }
}

function notConfigured(method: DiscoveryMethod): Refusal {
  return new Refusal(409, 'admin-not-configured', `the relay has no source ${method}: see docs/discovery.md`)
}

/** @throws Refusal if it is too large, or no JSON object */
async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  if (request.headers['content-type'] !== 'application/json') {
    throw new Refusal(415, 'admin-body', 'a body of application/json is needed')
  }
  let text = ''
  for await (const part of request.setEncoding('utf8') as AsyncIterable<string>) {
    text += part
    if (text.length > ADMIN_LIMITS.bodyBytes) throw new Refusal(413, 'admin-body', 'the body is too large')
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>
    }
  } catch {
    // Said below.
  }
  throw new Refusal(400, 'admin-body', 'a JSON object is needed')
}
