// Commands that a script runs one after the other, and the end of all that they have started.
import { spawn } from 'node:child_process'

let child
let stopped = false

/** Test runners that are ended leave their workers and browsers behind, so the signal goes to all that the command has started. */
function pass(signal) {
  stopped = true
  try {
    if (child?.pid) process.kill(-child.pid, signal)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

/**
 * Who ends the script ends what it has started; the rest of it goes its way, so that it can tidy up. For each signal, not only
 * the first: of a Ctrl-C npm passes on a second one.
 */
export function endWithChildren() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => pass(signal))
}

/** Runs a command with its output shown; resolves with its exit code, or 1 if it has none. After a signal it runs nothing. */
export function run([command, ...args], { cwd, env = {} } = {}) {
  return new Promise((resolve) => {
    if (stopped) return resolve(1)
    // In a process group of its own.
    child = spawn(command, args, { cwd, stdio: 'inherit', detached: true, env: { ...process.env, ...env } })
    child.once('error', (error) => {
      console.error(`${command} could not be started: ${error.message}`)
      resolve(1)
    })
    child.once('exit', (code) => {
      child = undefined
      resolve(stopped ? 1 : (code ?? 1))
    })
  })
}
