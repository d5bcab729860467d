import { EngineClient } from '../engine/engine-client.ts'
import { serveChannels } from '../link/channel-server.ts'
import './culvert-app.ts'

// The entry of the page: the elements register themselves; the engine starts, and the shell shows what it reports.
const app = document.querySelector('culvert-app')
await app?.connect(new EngineClient({ channels: serveChannels }))
