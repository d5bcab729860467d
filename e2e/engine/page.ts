import { EngineClient } from '../../web/engine/engine-client.ts'
import type { EngineView } from '../../web/engine/protocol.ts'

/** A page without a face: the engine's client, laid open for the test. */
const engine = new EngineClient()
const page = { engine, view: undefined as EngineView | undefined, ready: engine.start(3) }
engine.onView((view) => {
  page.view = view
})
Object.assign(globalThis, { page })
