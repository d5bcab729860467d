import { resolve } from 'node:path'
import { build } from 'vite'
import { serviceWorker } from '../../web/bundling/service-worker.ts'
import { webtorrentDefines, webtorrentOverCircuits } from '../../web/bundling/webtorrent-over-circuits.ts'

/** Builds the test's page with the project's own bundling; only where circuits belong there is the bridge. */
export async function buildPage(outDir: string): Promise<void> {
  const bridge = {
    name: 'test:bridge-for-circuits',
    enforce: 'pre' as const,
    resolveId: (id: string) =>
      id.endsWith('/private-network.ts') ? resolve(import.meta.dirname, 'bridge-network.ts') : null,
  }
  await build({
    configFile: false,
    root: import.meta.dirname,
    publicDir: false,
    logLevel: 'warn',
    define: webtorrentDefines,
    plugins: [webtorrentOverCircuits(), serviceWorker(resolve(import.meta.dirname, '../../web/sw.ts'))],
    worker: { format: 'es', plugins: () => [bridge, webtorrentOverCircuits()] },
    build: {
      outDir,
      emptyOutDir: true,
      target: 'chrome140',
      modulePreload: { polyfill: false },
      rolldownOptions: { input: resolve(import.meta.dirname, 'page.html') },
    },
  })
}
