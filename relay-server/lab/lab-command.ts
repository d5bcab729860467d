import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { untilToldToStop } from '../life-cycle.ts'
import { startLab } from './lab.ts'

const WARNING = `This is a lab: the relays, the tracker, the seeder and your browser are all on this one machine.
It shows how Culvert works. It gives NO anonymity: whoever sees this machine sees both ends of every circuit.`

/** `relay-server lab`: runs the lab until Ctrl-C. */
export async function runLab(options: {
  webRoot: string | undefined
  sampleFolder: string | undefined
}): Promise<void> {
  const told = untilToldToStop()
  const webRoot = options.webRoot ?? projectFolder('dist', 'web')
  const lab = await startLab({
    ...(webRoot && existsSync(webRoot) ? { webRoot } : {}),
    sampleFolder: options.sampleFolder ?? projectFolder('public', 'sample'),
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
  process.send?.({ type: 'ready', url: lab.url })
  await told
  await lab.stop()
}

/** A folder of the project that this runs in: of the sources if this is one of them, else of the build's parent. */
function projectFolder(...path: string[]): string {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  return join(root, ...path)
}
