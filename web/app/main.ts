import { EngineClient } from '../engine/engine-client.ts'
import './culvert-app.ts'

// The entry of the page: the elements register themselves; the engine starts, and the shell shows what it reports.
const app = document.querySelector('culvert-app')
await app?.connect(new EngineClient())
