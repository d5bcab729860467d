import { build, type Plugin } from 'vite'

/**
 * Builds the service worker as one classic script at `/sw.js`: the root scope needs it at the root, under a name that
 * never changes. The development server gives the same at the same address.
 * @param entry absolute path of the service worker's source
 */
export function serviceWorker(entry: string): Plugin {
  return {
    name: 'culvert:service-worker',
    async generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'sw.js', source: await bundle(entry) })
    },
    configureServer(server) {
      server.middlewares.use('/sw.js', (_request, response, next) => {
        bundle(entry).then((code) => {
          response.setHeader('content-type', 'text/javascript')
          response.setHeader('cache-control', 'no-cache')
          response.end(code)
        }, next)
      })
    },
  }
}

async function bundle(entry: string): Promise<string> {
  const result = await build({
    configFile: false,
    publicDir: false,
    logLevel: 'warn',
    build: {
      write: false,
      target: 'es2023',
      rolldownOptions: { input: entry, output: { format: 'iife', entryFileNames: 'sw.js' } },
    },
  })
  const outputs = Array.isArray(result) ? result : [result]
  for (const output of outputs) {
    if ('output' in output) return output.output[0].code
  }
  throw new TypeError('the service worker was built into nothing')
}
