import { existsSync } from 'node:fs'
import { untilToldToStop } from '../life-cycle.ts'
import { projectPath } from './folders.ts'
import { startLab } from './lab.ts'

const WARNING = `This is a lab: the relays, the tracker, the seeder and your browser are all on this one machine.
It shows how Culvert works. It gives NO anonymity: whoever sees this machine sees both ends of every circuit.`

/** `relay-server lab`: runs the lab until Ctrl-C. */
export async function runLab(options: {
  webRoot: string | undefined
  sampleFolder: string | undefined
}): Promise<void> {
  const told = untilToldToStop()
  const webRoot = options.webRoot ?? projectPath('dist/web')
  const lab = await startLab({
    ...(options.webRoot || existsSync(webRoot) ? { webRoot } : {}),
    ...(options.sampleFolder ? { sampleFolder: options.sampleFolder } : {}),
    logLevel: 'error',
    onOutput: (line) => process.stderr.write(`${line}\n`),
    onCrash: (name) => process.stderr.write(`${name} has ended unexpectedly; the others go on\n`),
  })
  const exits = lab.relays.filter((relay) => relay.exit).length
  process.stdout.write(`
${lab.relays.length} relays (${exits} of them exits), a tracker, a DHT node and a seeder are up.

${WARNING}

Open  ${lab.url}

Ctrl-C ends it all.
`)
  process.send?.({ type: 'ready', url: lab.url, pids: lab.pids })
  await told
  await lab.stop()
}
