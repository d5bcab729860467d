import { resolve } from 'node:path'
import { defineConfig } from 'vite'
import { serviceWorker } from './web/bundling/service-worker.ts'
import { webtorrentDefines, webtorrentOverCircuits } from './web/bundling/webtorrent-over-circuits.ts'
import { worldMap } from './web/bundling/world-map.ts'

const root = resolve(import.meta.dirname, 'web')

export default defineConfig({
  root,
  publicDir: resolve(import.meta.dirname, 'public'),
  define: webtorrentDefines,
  plugins: [webtorrentOverCircuits(), serviceWorker(resolve(root, 'sw.ts')), worldMap()],
  worker: { format: 'es', plugins: () => [webtorrentOverCircuits()] },
  optimizeDeps: {
    // What only the worker imports is otherwise found late, and the page reloaded for it.
    include: ['buffer', 'events', 'parse-torrent', 'streamx', 'webtorrent'],
    rolldownOptions: { plugins: [webtorrentOverCircuits()] },
  },
  build: {
    outDir: resolve(import.meta.dirname, 'dist/web'),
    emptyOutDir: true,
    // WebTorrent needs Uint8Array.fromHex: Chrome 140, Firefox 133, Safari 18.2.
    target: ['chrome140', 'firefox133', 'safari18.2'],
    modulePreload: { polyfill: false },
  },
})
