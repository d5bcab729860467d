import { MEDIA_OWNER_WAIT_MS, MEDIA_OWNERS_KNOWN } from './limits.ts'
import type { MediaAnswer, MediaAsk, MediaPortOffer, SaveRefused } from './media-messages.ts'

/** A page that may own what is asked for. */
export interface MediaPage {
  postMessage(message: unknown, transfer: Transferable[]): void
}

export interface MediaRequest {
  readonly token: string
  readonly file: number
  readonly head: boolean
  readonly range: string | undefined
  readonly save: boolean
  readonly signal: AbortSignal
}

/**
 * The service worker's end: knows which port leads to the engine that owns a token. A service worker is stopped and started
 * by the browser as it likes and then knows nothing, so it asks the open pages whenever it does not know.
 */
export class MediaPorts {
  private readonly pages: () => Promise<readonly MediaPage[]>
  /** By token, the one looked for last at the end: several tabs may play at once, each with a torrent of its own. */
  private readonly owners = new Map<string, Promise<MediaPort | undefined>>()

  constructor(pages: () => Promise<readonly MediaPage[]>) {
    this.pages = pages
  }

  /**
   * Always answers: 404 where no open page owns the address, 504 where its engine is silent. What cannot be saved is 204: the
   * request is a navigation, and by any other answer without bytes the browser would leave the page with the film for it. The
   * browser says nothing then, so the pages are told.
   */
  async respond(request: MediaRequest): Promise<Response> {
    const response = await this.ask(request)
    if (!request.save || response.ok) return response
    const refused: SaveRefused = { type: 'culvert-save-refused', token: request.token }
    for (const page of await this.pages()) page.postMessage(refused, [])
    return new Response(null, { status: 204 })
  }

  private async ask(request: MediaRequest): Promise<Response> {
    const { token } = request
    const known = this.owners.get(token)
    const first = await (await known)?.respond(request)
    if (first) return first
    // Unknown, or gone: other requests may be asking already.
    let asked = this.owners.get(token)
    if (asked === undefined || asked === known) {
      asked = this.find(token)
      this.remember(token, asked)
    }
    const owner = await asked
    if (!owner) return new Response(null, { status: 404 })
    return (await owner.respond(request)) ?? new Response(null, { status: 504 })
  }

  private remember(token: string, owner: Promise<MediaPort | undefined>): void {
    this.owners.delete(token)
    this.owners.set(token, owner)
    const [oldest] = this.owners.keys()
    if (this.owners.size > MEDIA_OWNERS_KNOWN && oldest !== undefined) this.owners.delete(oldest)
  }

  /** Offers every page a port and keeps the one whose engine owns the token. */
  private async find(token: string): Promise<MediaPort | undefined> {
    const asked = (await this.pages()).map(async (page) => {
      const { port1, port2 } = new MessageChannel()
      const offer: MediaPortOffer = { type: 'culvert-media-port' }
      page.postMessage(offer, [port2])
      const port = new MediaPort(port1)
      if (await port.owns(token)) return port
      port1.close()
      throw new TypeError('not the owner')
    })
    return Promise.any(asked).catch(() => undefined)
  }
}

type Listener = (answer: MediaAnswer) => void

class MediaPort {
  private readonly port: MessagePort
  private readonly responses = new Map<number, Listener>()
  private greeted: (mine: boolean) => void = () => {}
  private next = 1

  constructor(port: MessagePort) {
    this.port = port
    port.onmessage = ({ data }: MessageEvent<MediaAnswer>) => {
      if ('id' in data) this.responses.get(data.id)?.(data)
      else this.greeted(data.type === 'mine')
    }
  }

  owns(token: string): Promise<boolean> {
    return new Promise((resolve) => {
      this.greeted = resolve
      setTimeout(resolve, MEDIA_OWNER_WAIT_MS, false)
      this.ask({ type: 'hello', token })
    })
  }

  /** Undefined when the engine does not answer at all: its page is gone. */
  respond(request: MediaRequest): Promise<Response | undefined> {
    const id = this.next++
    const { signal, ...asked } = request
    return new Promise((resolve) => {
      const silence = setTimeout(() => {
        this.cancel(id)
        resolve(undefined)
      }, MEDIA_OWNER_WAIT_MS)
      this.responses.set(id, (answer) => {
        if (answer.type !== 'head' && answer.type !== 'failed') return
        clearTimeout(silence)
        if (answer.type === 'failed') {
          this.responses.delete(id)
          resolve(new Response(null, { status: 502 }))
          return
        }
        const { status, headers } = answer
        const body = status === 200 || status === 206 ? this.body(id, signal) : null
        if (!body) this.cancel(id)
        resolve(new Response(body, { status, headers }))
      })
      this.ask({ type: 'request', id, ...asked })
    })
  }

  /** One chunk is asked for when the element has taken the one before: its buffer is the limit. */
  private body(id: number, signal: AbortSignal): ReadableStream<Uint8Array> {
    let chunk: Listener = () => {}
    this.responses.set(id, (answer) => chunk(answer))
    signal.addEventListener('abort', () => this.cancel(id))
    return new ReadableStream<Uint8Array>(
      {
        pull: (controller) =>
          new Promise<void>((resolve) => {
            chunk = (answer) => {
              if (answer.type === 'chunk') {
                controller.enqueue(answer.data)
              } else {
                this.responses.delete(id)
                if (answer.type === 'end') controller.close()
                else controller.error(new TypeError('the torrent was closed'))
              }
              resolve()
            }
            this.ask({ type: 'pull', id })
          }),
        cancel: () => this.cancel(id),
      },
      { highWaterMark: 0 },
    )
  }

  private cancel(id: number): void {
    this.responses.delete(id)
    this.ask({ type: 'cancel', id })
  }

  private ask(ask: MediaAsk): void {
    this.port.postMessage(ask)
  }
}
