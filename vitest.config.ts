import { defineConfig } from 'vitest/config'

// Unit, property and vector tests; integration tests against real peers have names of their own (*.integration.test.ts).
export default defineConfig({
  test: {
    include: ['shared/**/*.test.ts', 'relay-server/**/*.test.ts', 'web/**/*.test.ts', 'scripts/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
