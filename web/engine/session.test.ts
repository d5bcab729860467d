import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CulvertError } from '../../shared/bytes/error.ts'
import { SAMPLE_FAILURES, SAMPLE_RETRY_MS, SITE_FETCH_MS } from './limits.ts'
import type { Network } from './network.ts'
import type { EngineEvent } from './protocol.ts'
import { EngineSession } from './session.ts'
import type { SiteDocument } from './site-document.ts'

const { opened, asked, circuits, engines } = vi.hoisted(() => ({
  circuits: {
    fresh: 0,
    exitAddress: undefined as string | undefined,
    primary: false,
    /** Another serves. */
    changed: () => {},
  },
  engines: [] as { wayOut(): boolean }[],
  opened: [] as string[],
  asked: [] as { signal: AbortSignal | undefined; answer(response: Response): void }[],
}))

vi.mock('./torrent-engine.ts', () => ({
  TorrentEngine: class {
    token = undefined
    problem = undefined
    constructor(options: { wayOut(): boolean }) {
      engines.push(options)
    }
    open(source: { kind: string }) {
      opened.push(source.kind)
    }
    close() {
      opened.push('closed')
    }
    facts() {
      return undefined
    }
    circuitChanged() {
      opened.push('another circuit')
    }
  },
}))
vi.mock('./native.ts', () => ({
  nativeFetch: (_url: URL, options: RequestInit) =>
    new Promise<Response>((resolve) => {
      asked.push({ signal: options.signal ?? undefined, answer: resolve })
    }),
}))

const SITE = { lab: false, dht: [], sample: { torrent: '/sample.torrent' } } as unknown as SiteDocument

async function newSession(
  origin = 'http://localhost',
  channels?: MessagePort,
  started: (openChannel: unknown) => void = () => {},
  site = SITE,
  post: (event: EngineEvent) => void = () => {},
): Promise<EngineSession> {
  const network = {
    start: async (_origin: string, openChannel: unknown) => {
      started(openChannel)
      return site
    },
    setHops: () => {},
    startAnew: () => {
      circuits.fresh++
      opened.push('anew')
      circuits.exitAddress = undefined
    },
    view: () => ({
      entry: {},
      circuits: circuits.primary ? [{ role: 'primary' }] : [],
      problem: undefined,
      exitAddress: circuits.exitAddress,
    }),
  }
  const session = new EngineSession(network as unknown as Network, post)
  circuits.changed = () => (network as unknown as Network).onCircuit()
  session.receive({ type: 'start', origin, hops: 3, ...(channels && { channels }) })
  await settle()
  return session
}

async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] })
  opened.length = 0
  asked.length = 0
  engines.length = 0
  circuits.fresh = 0
  circuits.exitAddress = undefined
  circuits.primary = false
})
afterEach(() => {
  vi.useRealTimers()
})

describe('the sample, whose torrent file takes a while to come (W-01)', () => {
  const answer = async () => {
    asked[0]?.answer(new Response('de'))
    await settle()
  }

  it('is opened when the file is here', async () => {
    const session = await newSession()
    session.receive({ type: 'open-sample' })
    await answer()
    expect(opened).toEqual(['file'])
  })

  it('does not push out what the visitor has opened meanwhile', async () => {
    const session = await newSession()
    session.receive({ type: 'open-sample' })
    session.receive({ type: 'open-magnet', uri: 'magnet:?xt=…' })
    await answer()
    expect(opened).toEqual(['closed', 'anew', 'magnet'])
  })

  it('is not opened after the visitor has closed it', async () => {
    const session = await newSession()
    session.receive({ type: 'open-sample' })
    session.receive({ type: 'close-torrent' })
    await answer()
    expect(opened).toEqual(['closed'])
  })

  it('is not waited for without end', async () => {
    await newSession()
    expect(asked[0]?.signal).toBeInstanceOf(AbortSignal)
  })
})

describe('the sample, whose torrent file does not come at first (W-01)', () => {
  const fails = async () => {
    asked.at(-1)?.answer(new Response('', { status: 500 }))
    await settle()
  }
  const comes = async () => {
    vi.advanceTimersByTime(SITE_FETCH_MS)
    await settle()
    asked.at(-1)?.answer(new Response('de'))
    await settle()
  }

  it('is asked for again soon, then ever later, and opened when it is here', async () => {
    const session = await newSession()
    session.receive({ type: 'open-sample' })
    for (const pauseMs of [1, 2, 4, 8, 16, 30, 30].map((times) => times * SAMPLE_RETRY_MS)) {
      const before = asked.length
      await fails()
      vi.advanceTimersByTime(pauseMs - 1)
      await settle()
      expect(asked).toHaveLength(before)
      vi.advanceTimersByTime(1)
      await settle()
      expect(asked).toHaveLength(before + 1)
    }
    expect(opened).toEqual([])
    await comes()
    expect(opened).toEqual(['file'])
  })

  it.each([
    ['something else was opened', { type: 'open-magnet', uri: 'magnet:?xt=…' }, ['closed', 'anew', 'magnet']],
    ['the visitor closed it', { type: 'close-torrent' }, ['closed']],
  ] as const)('is not opened any more once %s', async (_, command, expected) => {
    const session = await newSession()
    session.receive({ type: 'open-sample' })
    await fails()
    session.receive(command)
    await comes()
    expect(opened).toEqual(expected)
  })

  it('is said to be away to whoever waits for it, while it is', async () => {
    let problem: unknown
    const session = await newSession(
      'http://localhost',
      undefined,
      () => {},
      SITE,
      (event) => {
        if (event.type === 'view') problem = event.view.problem
      },
    )
    for (let i = 0; i < SAMPLE_FAILURES; i++) {
      await fails()
      vi.advanceTimersByTime(SITE_FETCH_MS)
      await settle()
    }
    expect(problem).toBeUndefined()
    session.receive({ type: 'open-sample' })
    vi.advanceTimersByTime(2_000)
    expect(problem).toMatchObject({ code: 'sample-unavailable' })
    await comes()
    vi.advanceTimersByTime(2_000)
    expect(problem).toBeUndefined()
  })
})

describe('what the site learns of who watches its sample (W-01, W-03)', () => {
  it('is nothing: every page fetches the torrent file, once, before any click', async () => {
    const session = await newSession()
    expect(asked).toHaveLength(1)
    asked[0]?.answer(new Response('de'))
    await settle()
    for (let i = 0; i < 2; i++) {
      session.receive({ type: 'open-sample' })
      await settle()
    }
    expect(asked).toHaveLength(1)
    expect(opened).toEqual(['file', 'closed', 'anew', 'file'])
  })

  it('is nothing where the site gives no file at first: the page asks again by the clock, not by the click', async () => {
    const session = await newSession()
    asked[0]?.answer(new Response('', { status: 500 }))
    await settle()
    session.receive({ type: 'open-sample' })
    await settle()
    expect(asked).toHaveLength(1)
    expect(opened).toEqual([])
    vi.advanceTimersByTime(SAMPLE_RETRY_MS)
    await settle()
    asked[1]?.answer(new Response('de'))
    await settle()
    expect(asked).toHaveLength(2)
    expect(opened).toEqual(['file'])
  })
})

describe('the sample that the view shows (W-01)', () => {
  it('is unknown before the document is here, and none where the site offers none', async () => {
    const shown = async (site: SiteDocument) => {
      const samples: unknown[] = []
      const post = (event: EngineEvent) => {
        if (event.type === 'view') samples.push(event.view.sample)
      }
      await newSession('http://localhost', undefined, () => {}, site, post)
      vi.advanceTimersByTime(2_000)
      return samples.at(-1)
    }
    const film = { title: 'A film', description: 'Water.', bytes: 5, seconds: 2 }
    expect(await shown({ ...SITE, sample: { ...film, torrent: '/sample.torrent' } })).toEqual(film)
    expect(await shown({ ...SITE, sample: undefined })).toBeNull()
    expect(await shown(new Promise(() => {}) as unknown as SiteDocument)).toBeUndefined()
  })
})

describe('a network that cannot be started (N-06)', () => {
  it('is a failure of the page, not of the way in, whatever is opened', async () => {
    const problems: unknown[] = []
    const failing = () => {
      throw new CulvertError('codec-short', 'too short')
    }
    const session = await newSession('http://localhost', undefined, failing, SITE, (event) => {
      if (event.type === 'view') problems.push(event.view.problem)
    })
    session.receive({ type: 'open-magnet', uri: 'magnet:?xt=…' })
    vi.advanceTimersByTime(2_000)
    expect(problems.at(-1)).toEqual({ code: 'engine-failed', detail: 'codec-short' })
  })
})

describe('one torrent after another (C-05)', () => {
  it('go through circuits of their own', async () => {
    const session = await newSession()
    session.receive({ type: 'open-magnet', uri: 'magnet:?xt=…' })
    expect(circuits.fresh).toBe(0)
    session.receive({ type: 'close-torrent' })
    session.receive({ type: 'open-magnet', uri: 'magnet:?xt=…' })
    expect(circuits.fresh).toBe(1)
  })

  it('begin once all of the one before is closed, and the circuits that carried it are gone', async () => {
    const session = await newSession()
    session.receive({ type: 'open-magnet', uri: 'magnet:?xt=…' })
    session.receive({ type: 'open-magnet', uri: 'magnet:?xt=…' })
    expect(opened).toEqual(['magnet', 'closed', 'anew', 'magnet'])
  })
})

describe('what the engine is told of circuits (W-01, C-07)', () => {
  it('is whether one leads out now, be its exit of a known address or not, and not when the view was last sent', async () => {
    const session = await newSession()
    const wayOut = () => engines[0]?.wayOut()
    expect(wayOut()).toBe(false)
    circuits.exitAddress = '192.0.2.1'
    expect(wayOut()).toBe(true)
    session.receive({ type: 'open-magnet', uri: 'magnet:?xt=…' })
    session.receive({ type: 'open-magnet', uri: 'magnet:?xt=…' })
    expect(wayOut()).toBe(false)
    circuits.primary = true
    expect(wayOut()).toBe(true)
  })

  it('is that another serves, though at no time there was none', async () => {
    circuits.exitAddress = '192.0.2.1'
    const session = await newSession()
    session.receive({ type: 'open-magnet', uri: 'magnet:?xt=…' })
    vi.advanceTimersByTime(2_000)
    opened.length = 0
    circuits.exitAddress = '192.0.2.2'
    circuits.changed()
    expect(opened).toEqual(['another circuit'])
  })
})

describe('data channels (L-01)', () => {
  it('are for every site but an onion service: they would lead around Tor', async () => {
    const openers: unknown[] = []
    for (const origin of ['http://localhost', `http://${'a'.repeat(55)}d.onion`]) {
      const { port1, port2 } = new MessageChannel()
      await newSession(origin, port1, (openChannel) => openers.push(typeof openChannel))
      port1.close()
      port2.close()
    }
    expect(openers).toEqual(['function', 'undefined'])
  })
})
