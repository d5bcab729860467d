import { CulvertError } from '../../shared/bytes/error.ts'
import { PieceStore } from '../engine/piece-store.ts'
import { openPrivateFile, sweepPrivateFiles } from '../engine/store-backing.ts'
import type { StoreAnswer, StoreAsk } from './store-messages.ts'

/**
 * Keeps the pieces of one torrent in the same kind of file as the private engine does: browsers open those in workers alone,
 * and WebRTC on pages alone. What an ended tab left behind is deleted first.
 */
const scope = globalThis as unknown as {
  postMessage(message: StoreAnswer, transfer: Transferable[]): void
  onmessage: ((event: MessageEvent<StoreAsk>) => void) | null
}

/** Before a file of this worker's own is there, which the sweep could take for one of those. */
const swept = sweepPrivateFiles().catch(() => 'no private file system here')
let store: PieceStore | undefined

scope.onmessage = ({ data: ask }) => {
  if (ask.type === 'open') {
    store = new PieceStore(ask.chunkLength, ask, () => swept.then(openPrivateFile))
    return
  }
  const { id } = ask
  const done = (error?: Error | null, data?: Uint8Array) => {
    if (error) {
      scope.postMessage(
        { type: 'failed', id, code: error instanceof CulvertError ? error.code : 'store-failed' },
        [],
      )
      return
    }
    const copy = data && new Uint8Array(data)
    scope.postMessage({ type: 'done', id, data: copy }, copy ? [copy.buffer] : [])
  }
  if (!store) done(new CulvertError('store-closed', 'nothing is open'))
  else if (ask.type === 'put') store.put(ask.index, ask.data, done)
  else if (ask.type === 'get') {
    const { offset, length } = ask
    store.get(ask.index, length === undefined ? { offset } : { offset, length }, done)
  } else store.close(done)
}
