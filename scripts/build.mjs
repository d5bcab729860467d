// `npm run build`: the web app to dist/web, the relay-server to dist/relay-server, the table of countries and networks beside them. Plain Node; what it uses comes with `npm ci`.
import { execFileSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const root = fileURLToPath(new URL('..', import.meta.url))
const only = process.argv[2]

/**
 * These stay packages of their own: native code is found beside its package, and the lab's BitTorrent programs are loaded
 * by the two commands that need them. All else is bundled, which makes a relay start several times faster.
 */
const PACKAGES = ['sodium-native', 'webtorrent', 'bittorrent-dht', 'bittorrent-tracker', 'create-torrent']

/** Optional native parts of ws, which works without them. */
const ABSENT = ['bufferutil', 'utf-8-validate']

async function buildRelayServer() {
  await rm(`${root}dist/relay-server`, { recursive: true, force: true })
  await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: 'warn',
    ssr: { noExternal: true },
    build: {
      ssr: true,
      target: 'node20',
      outDir: 'dist/relay-server',
      minify: false,
      sourcemap: true,
      rolldownOptions: {
        input: { main: 'relay-server/main.ts' },
        external: (id) =>
          isBuiltin(id) ||
          ABSENT.includes(id) ||
          PACKAGES.some((name) => id === name || id.startsWith(`${name}/`)),
        // All in one folder: the lab finds the program that it starts beside itself.
        output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  })
}

/** In TypeScript, since it writes with the code that reads. */
function buildGeo() {
  execFileSync(process.execPath, ['--import', 'tsx', 'scripts/build-geo.ts'], { cwd: root, stdio: 'inherit' })
}

async function buildWeb() {
  await build({ configFile: `${root}vite.config.ts`, logLevel: 'warn' })
  // Into the same folder, which the first empties.
  await build({ configFile: `${root}web/bundling/direct.config.ts`, logLevel: 'warn' })
}

if (only === undefined || only === 'relay-server') await buildRelayServer()
if (only === undefined || only === 'web') await buildWeb()
if (only === undefined || only === 'geo') buildGeo()
