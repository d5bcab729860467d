// `npm start`: on a fresh clone installs, builds and runs the lab; later only what has become necessary. Plain Node, no packages.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const OLDEST_NODE = [20, 19]
/** What the build is made from. */
const SOURCES = ['shared', 'relay-server', 'web', 'public', 'vite.config.ts', 'scripts', 'package-lock.json']
const BUILT = ['dist/relay-server/main.js', 'dist/web/index.html', 'dist/web/direct.html', 'dist/geo.stamp']

function fail(message) {
  console.error(`npm start: ${message}`)
  process.exit(1)
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const [oldestMajor, oldestMinor] = OLDEST_NODE
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    fail(`Node ${OLDEST_NODE.join('.')} or later is needed, this is ${process.versions.node}`)
  }
}

/** Milliseconds since 1970 of the latest change in a file or folder; 0 if it is not there. */
function changedAt(path) {
  const stat = statSync(join(root, path), { throwIfNoEntry: false })
  if (!stat) return 0
  if (!stat.isDirectory()) return stat.mtimeMs
  const inside = readdirSync(join(root, path)).filter((name) => !/^node_modules$|\.test\.ts$/.test(name))
  return Math.max(stat.mtimeMs, ...inside.map((name) => changedAt(join(path, name))))
}

function run(what, command, args) {
  console.log(`${what} ...`)
  // Windows starts npm by a script, which needs a shell.
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (error) fail(`${command} could not be started: ${error.message}`)
  if (status !== 0) fail(`${what} failed; the reason stands above`)
}

function install() {
  const installed = changedAt('node_modules/.package-lock.json')
  if (installed > 0 && installed >= changedAt('package-lock.json')) return
  run('Installing the packages', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
}

function buildAll() {
  const newestSource = Math.max(...SOURCES.map(changedAt))
  if (BUILT.every((path) => changedAt(path) >= newestSource)) return
  run('Building', process.execPath, [join(root, 'scripts/build.mjs')])
  const missing = BUILT.find((path) => !existsSync(join(root, path)))
  if (missing) fail(`the build did not make ${missing}`)
}

function runLab() {
  console.log('Starting the lab ...')
  const lab = spawn(process.execPath, [join(root, BUILT[0]), 'lab', ...process.argv.slice(2)], {
    cwd: root,
    // The lab ends when this channel closes, however this process comes to its end.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  // A terminal sends Ctrl-C to both; the lab answers it, and this process waits for the lab.
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => lab.kill('SIGTERM'))
  lab.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
}

checkNode()
install()
buildAll()
runLab()
