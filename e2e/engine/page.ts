import { EngineClient } from '../../web/engine/engine-client.ts'
import type { EngineView } from '../../web/engine/protocol.ts'

export interface EnginePage {
  readonly engine: EngineClient
  view: EngineView | undefined
  readonly ready: Promise<void>
}

/** A page without a face: the engine's client, laid open for the test. */
const engine = new EngineClient()
const page: EnginePage = { engine, view: undefined, ready: engine.start(3) }
engine.onView((view) => {
  page.view = view
})
Object.assign(globalThis, { page })
