import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
}

/** A web server on 127.0.0.1 for the test's page, its /culvert.json, and a tracker that knows the peers it was given. */
export class TestSite {
  /** Peers that /announce names, all on 127.0.0.1. */
  readonly peerPorts: number[] = []
  readonly announces: string[] = []
  private readonly server: Server
  private readonly folder: string
  private readonly document: object

  private constructor(server: Server, folder: string, document: object) {
    this.server = server
    this.folder = folder
    this.document = document
    server.on('request', (request, response) => {
      this.serve(request, response).catch(() => response.writeHead(404).end())
    })
  }

  static async listen(folder: string, document: object): Promise<TestSite> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new TestSite(server, folder, document)
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  close(): void {
    this.server.closeAllConnections()
    this.server.close()
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, search } = new URL(request.url ?? '/', this.origin)
    if (pathname === '/announce') {
      this.announces.push(search)
      response.end(this.announceAnswer())
    } else if (pathname === '/culvert.json') {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(this.document))
    } else {
      const body = await readFile(join(this.folder, normalize(pathname)))
      response.setHeader('content-type', TYPES[extname(pathname)] ?? 'application/octet-stream')
      response.end(body)
    }
  }

  /** BEP 3 and BEP 23: compact peers, six bytes each. */
  private announceAnswer(): Buffer {
    const peers = this.peerPorts.map((port) => Buffer.from([127, 0, 0, 1, port >> 8, port & 0xff]))
    const bytes = Buffer.concat(peers)
    return Buffer.concat([Buffer.from(`d8:intervali1800e5:peers${bytes.length}:`), bytes, Buffer.from('e')])
  }
}
