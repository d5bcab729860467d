import { resolve } from 'node:path'
import { defineConfig } from 'vite'

/**
 * The page of direct mode is built by itself: WebTorrent comes as it is published for browsers, and none of it can get into
 * the private page, whose build knows neither this folder nor WebRTC.
 */
const project = resolve(import.meta.dirname, '../..')

export default defineConfig({
  root: resolve(project, 'web/direct'),
  // For the addresses in the page alone: the private page's build has put these files in place.
  publicDir: resolve(project, 'public'),
  resolve: { alias: { path: 'path-esm' } },
  define: { global: 'globalThis' },
  worker: { format: 'es' },
  build: {
    copyPublicDir: false,
    outDir: resolve(project, 'dist/web'),
    emptyOutDir: false,
    assetsDir: 'assets/direct',
    assetsInlineLimit: 0,
    target: ['chrome140', 'firefox133', 'safari18.2'],
    // Nothing of the engine is asked for before there is consent (requirement C-09).
    modulePreload: false,
    rolldownOptions: { input: resolve(project, 'web/direct/direct.html') },
  },
})
