import type { BrowserContext, Worker } from 'playwright'

export interface RtcWatch {
  /** How many peer connections all pages and frames of the context have constructed since the watch began. */
  constructed(): number
  /** Throws unless none was constructed, and no worker seen so far has a constructor to do it with. */
  assertNoRtc(): Promise<void>
}

/**
 * Counts constructions of RTCPeerConnection in every page and frame of a context, from before their first script runs.
 * Call it before the first page is opened. Workers have no such constructor (WebRTC §4.4: exposed in Window only);
 * the watch asks each one rather than trusting that.
 */
export async function watchRtc(context: BrowserContext): Promise<RtcWatch> {
  let constructed = 0
  const workers = new Set<Worker>()
  await context.exposeBinding('__rtcConstructed', () => {
    constructed += 1
  })
  context.on('page', (page) => page.on('worker', (worker) => workers.add(worker)))
  context.on('serviceworker', (worker) => workers.add(worker))
  await context.addInitScript(() => {
    type Watched = Record<string, (new (...args: never[]) => object) | undefined> & {
      __rtcConstructed: () => void
    }
    const scope = globalThis as unknown as Watched
    const report = scope.__rtcConstructed
    const original = scope.RTCPeerConnection
    if (!original) return
    const counted = new Proxy(original, {
      construct(target, args, newTarget) {
        report()
        return Reflect.construct(target, args, newTarget)
      },
    })
    // The prototype leads back to the constructor: without this a page could reach the one that is not counted.
    original.prototype.constructor = counted
    for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection']) {
      Object.defineProperty(scope, name, { value: counted, writable: true, configurable: true })
    }
  })
  return {
    constructed: () => constructed,
    async assertNoRtc() {
      if (constructed > 0) throw new Error(`RTCPeerConnection was constructed ${constructed} times`)
      for (const worker of workers) {
        // A worker that has ended cannot be asked any more, and does nothing any more.
        const kind = await worker
          .evaluate(() => typeof Reflect.get(globalThis, 'RTCPeerConnection'))
          .catch(() => 'undefined')
        if (kind !== 'undefined')
          throw new Error(`a worker has an RTCPeerConnection: ${new URL(worker.url()).pathname}`)
      }
    },
  }
}
