import { defineConfig } from 'vitest/config'

// Whole ways in a real browser, against real peers. Each file starts what it needs.
export default defineConfig({
  test: {
    include: ['e2e/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 90_000,
    maxWorkers: 1,
    fileParallelism: false,
  },
})
