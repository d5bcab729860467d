import { configDefaults, defineConfig } from 'vitest/config'
import { worldMap } from './web/bundling/world-map.ts'

// Unit, property and vector tests; integration tests against real peers have names of their own (*.integration.test.ts), and so
// have those that need root for network namespaces (*.netns.test.ts), which vitest.netns.config.ts runs.
export default defineConfig({
  plugins: [worldMap()],
  test: {
    include: ['shared/**/*.test.ts', 'relay-server/**/*.test.ts', 'web/**/*.test.ts', 'scripts/**/*.test.ts'],
    exclude: [...configDefaults.exclude, '**/*.netns.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
