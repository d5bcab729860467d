import { defineConfig } from 'vitest/config'

// Relays in network namespaces, behind real NATs and over bad wires. Needs root; one file after the other, since these take real time.
export default defineConfig({
  test: {
    include: ['relay-server/**/*.netns.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
    fileParallelism: false,
  },
})
