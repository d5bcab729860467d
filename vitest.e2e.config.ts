import { defineConfig } from 'vitest/config'

// Whole ways in a real browser, against real peers. Each file starts what it needs.
export default defineConfig({
  test: {
    include: ['e2e/**/*.test.ts'],
    // What several of them wait for one after the other adds up to minutes where the machine is busy.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 15_000 } },
    maxWorkers: 1,
    fileParallelism: false,
  },
})
