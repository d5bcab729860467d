import type { Network } from './network.ts'
import type { EngineCommand } from './protocol.ts'
import { EngineSession } from './session.ts'
import { sweepPrivateFiles } from './store-backing.ts'

interface WorkerScope {
  postMessage(message: unknown): void
  addEventListener(type: string, listener: (event: Event) => void): void
}

/** Runs the engine in the worker that calls this. */
export function runWorker(network: Network): void {
  const scope = globalThis as unknown as WorkerScope
  const session = new EngineSession(network, (event) => scope.postMessage(event))
  scope.addEventListener('message', (event) => session.receive((event as MessageEvent<EngineCommand>).data))
  // Errors of third-party parsers on hostile bytes end here. Not to the console: they may hold addresses.
  for (const type of ['error', 'unhandledrejection']) {
    scope.addEventListener(type, (event) => {
      event.preventDefault()
      session.stray()
    })
  }
  sweepPrivateFiles().catch(() => 'no private file system here')
}
