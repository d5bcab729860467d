// `npm test`: on a fresh clone installs what is missing, then checks, builds and tests everything. Plain Node, no packages.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endWithChildren, run } from './run.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const OLDEST_NODE = [20, 19]
const isRoot = process.getuid?.() === 0

/** Debian packages that the tests use, and how each is known to be there. */
const DEBIAN_PACKAGES = [
  {
    name: 'chromium',
    probe: ['/usr/bin/chromium', '--version'],
    why: 'the page is tested in a real browser',
  },
  { name: 'ffmpeg', probe: ['ffprobe', '-version'], why: 'the sample film is looked into' },
  {
    name: 'python3-libtorrent',
    probe: ['/usr/bin/python3', '-c', 'import libtorrent'],
    why: 'uTP is tested against libtorrent',
  },
  {
    name: 'opentracker',
    probe: ['sh', '-c', 'command -v opentracker'],
    why: 'relays announce to a real tracker',
  },
  {
    name: 'tor',
    probe: ['sh', '-c', 'command -v tor && command -v tor-gencert'],
    why: 'relays meet over a private Tor network',
  },
  { name: 'strace', probe: ['strace', '-V'], why: "the browser's connections are recorded from outside" },
  ...(isRoot
    ? [
        { name: 'iproute2', probe: ['ip', '-V'], why: 'relays are tested in network namespaces' },
        { name: 'nftables', probe: ['nft', '-v'], why: 'relays are tested behind NATs of nftables' },
        {
          name: 'miniupnpd-nftables',
          probe: ['/usr/sbin/miniupnpd', '--version'],
          why: 'port mapping is tested against a real router program',
        },
      ]
    : []),
]

/** Everything that the tests in network namespaces do to the kernel, in a namespace that is gone with this command. */
const NAMESPACE_PROBE = [
  ...['unshare', '--net', 'sh', '-c'],
  'ip link add a0 type veth peer name a1 && ip link add b0 type bridge && ip tuntap add t0 mode tun && nft add table inet probe',
]

/** Why there can be no network namespaces here; undefined if there can. */
function namespacesMissing() {
  if (!isRoot) return 'they need root, and this is an ordinary user'
  const { status, stderr, error } = spawnSync(NAMESPACE_PROBE[0], NAMESPACE_PROBE.slice(1))
  if (status === 0) return undefined
  return `this system allows no network namespaces: ${error?.message ?? String(stderr).trim()}`
}

/**
 * Everything that the steps put into a temporary folder, gone with this run: workers of a test runner are often ended before
 * they can tidy up.
 */
const scratch = mkdtempSync(join(tmpdir(), 'culvert-test-'))
// Whatever was just ended may still write there.
process.on('exit', () => rmSync(scratch, { recursive: true, force: true, maxRetries: 5 }))

const node = process.execPath
const tool = (path, ...args) => [node, join(root, 'node_modules', path), ...args]
const vitest = (report, ...args) => [
  ...tool('vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json'),
  `--outputFile.json=${join(scratch, report)}`,
  ...args,
]

/** In this order; the first that fails ends the run. */
const STEPS = [
  { name: 'format and lint', command: tool('@biomejs/biome/bin/biome', 'check', '.') },
  { name: 'types', command: tool('typescript/bin/tsc', '--noEmit') },
  { name: 'types of shared/', command: tool('typescript/bin/tsc', '--noEmit', '-p', 'shared') },
  { name: 'build', command: [node, join(root, 'scripts/build.mjs')] },
  { name: 'unit tests', command: vitest('unit.json'), report: 'unit.json' },
  {
    name: 'tests in network namespaces',
    command: vitest('netns.json', '--config', 'vitest.netns.config.ts'),
    report: 'netns.json',
    // The simulator's tests cover the same requirements, with simulated NATs and wires.
    missing: namespacesMissing,
  },
  {
    name: 'end-to-end tests',
    command: vitest('e2e.json', '--config', 'vitest.e2e.config.ts'),
    report: 'e2e.json',
  },
]

function refuse(message) {
  console.error(`npm test: ${message}`)
  console.log('0 passed, 1 failed')
  process.exit(1)
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return
  refuse(`Node ${OLDEST_NODE.join('.')} or later is needed, this is ${process.versions.node}`)
}

const missingPackages = () =>
  DEBIAN_PACKAGES.filter(({ probe: [command, ...args] }) => spawnSync(command, args).status !== 0)

/** As root on Debian installs what is missing; elsewhere says what to install, and ends the run. */
async function ensureDebianPackages() {
  const missing = missingPackages()
  if (missing.length === 0) return
  const names = missing.map(({ name }) => name)
  for (const { name, why } of missing) console.log(`${name} is missing: ${why}`)
  const canInstall = isRoot && existsSync('/usr/bin/apt-get')
  if (!canInstall) refuse(`install what is missing first:\n  sudo apt install ${names.join(' ')}`)
  const quiet = { DEBIAN_FRONTEND: 'noninteractive' }
  await run(['apt-get', 'update', '-q'], { env: quiet })
  await run(['apt-get', 'install', '-q', '-y', '--no-install-recommends', ...names], { env: quiet })
  const still = missingPackages().map(({ name }) => name)
  if (still.length > 0) refuse(`these packages could not be installed: ${still.join(' ')}`)
}

/** Milliseconds since 1970 of a file's last change; 0 if it is not there. */
const changedAt = (path) => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0

async function ensureNodePackages() {
  const installed = changedAt('node_modules/.package-lock.json')
  if (installed > 0 && installed >= changedAt('package-lock.json')) return
  console.log('Installing the packages ...')
  if ((await run(['npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root })) !== 0)
    refuse('npm ci failed; the reason stands above')
}

/** What a vitest report counted; nothing if it was never written. */
function countsIn(report) {
  const path = report && join(scratch, report)
  if (!path || !existsSync(path)) return { passed: 0, failed: 0, success: false }
  const { numPassedTests, numFailedTests, success } = JSON.parse(readFileSync(path, 'utf8'))
  return { passed: numPassedTests, failed: numFailedTests, success }
}

async function runSteps() {
  const total = { passed: 0, failed: 0 }
  const lines = []
  let exitCode = 0
  for (const { name, command, report, missing } of STEPS) {
    console.log(`\n== ${name}`)
    const reason = missing?.()
    if (reason) {
      console.log(reason)
      lines.push(`${name}: not run, ${reason}`)
      continue
    }
    const start = performance.now()
    exitCode = await run(command, { cwd: root, env: { TMPDIR: scratch } })
    const counts = countsIn(report)
    // A report that is missing or unhappy is a failure, whatever the exit code says.
    if (report && exitCode === 0 && !counts.success) exitCode = 1
    total.passed += counts.passed
    // A step that fails without a failed test (a file that does not load, a lint fault) counts as one.
    total.failed += exitCode === 0 ? counts.failed : Math.max(counts.failed, 1)
    const tests = report ? `, ${counts.passed} tests passed, ${counts.failed} failed` : ''
    const verdict = exitCode === 0 ? 'ok' : `failed (exit code ${exitCode})`
    lines.push(`${name}: ${verdict}${tests}, ${((performance.now() - start) / 1000).toFixed(0)} s`)
    if (exitCode !== 0) break
  }
  for (const { name } of STEPS.slice(lines.length)) lines.push(`${name}: not run`)
  console.log(`\n${lines.join('\n')}\n${total.passed} passed, ${total.failed} failed`)
  return exitCode
}

checkNode()
endWithChildren()
await ensureDebianPackages()
await ensureNodePackages()
process.exit(await runSteps())
