import { PrivateNetwork } from './private-network.ts'

// Evaluated in this order: what links need of the browser is taken above, then the ways out are closed, and only then is
// code of third parties loaded.
import './lockdown.ts'

import { runWorker } from './run-worker.ts'

/** The engine's worker: circuits, WebTorrent and storage. The main thread only shows. */
runWorker(new PrivateNetwork())
