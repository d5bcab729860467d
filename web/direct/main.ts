import { takeOver } from '../app/hand-over.ts'
import './direct-app.ts'

// The entry of /direct.html: the gate, and nothing that could connect anywhere. The engine is a chunk of its own, which
// the gate lets load.
const app = document.querySelector('direct-app')
app?.begin(takeOver(sessionStorage), async (signal, onView) => {
  const { startDirectEngine } = await import('./engine.ts')
  return startDirectEngine(signal, onView)
})
