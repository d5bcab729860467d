import type { PageCommand } from '../engine/engine-client.ts'
import type { EngineView, Hops } from '../engine/protocol.ts'
import type { RelaysView } from '../engine/relays-protocol.ts'

/** What the page needs of an engine: web/engine/engine-client.ts in the app, scripted views in tests. */
export interface EnginePort {
  /** Resolves when addresses under /media/ are answered; views may come before that. */
  start(hops: Hops): Promise<void>
  send(command: PageCommand): void
  onView(listener: (view: EngineView) => void): () => void
  onRelays(listener: (relays: RelaysView) => void): () => void
  onSaveRefused(listener: () => void): () => void
}
