// `npm run bench`: builds what is not built, then measures. Plain Node.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

if (!existsSync(`${root}node_modules/.package-lock.json`)) run('npm', ['ci', '--loglevel=error'])
run(process.execPath, ['scripts/build.mjs'])
run(process.execPath, ['--import', 'tsx', 'bench/main.ts', ...process.argv.slice(2)])
