import { parseArgs } from 'node:util'
import { CulvertError } from '../shared/bytes/error.ts'
import { ConfigError } from './config.ts'

/** Exit codes of the process; documented in docs/relay.md. */
export const EXIT_CODE = { ok: 0, failed: 1, usage: 2, config: 3 } as const

const USAGE = `Usage:
  relay-server run --config <file.yaml>   run a relay until Ctrl-C
  relay-server probe --config <file.yaml> [--hops 3]
                                          join as a client, build a circuit and measure it
  relay-server discover --config <file.yaml> --method dht|tracker|exchange|bootstrap|all [--json]
                                          look for relays once and show them, checked
  relay-server crawl --config <file.yaml> [--seconds 60] [--json]
                                          walk through BitTorrent's DHT and count what is there
  relay-server status --config <file.yaml> [--json]
                                          ask the relay that runs with this configuration how it is
  relay-server keygen --out <file>        make an identity file
  relay-server lab [--web <folder>] [--sample <folder>]
                                          run a whole network on this machine

docs/relay.md describes the configuration file.`

/** The command line is wrong. Code `usage`. */
class UsageError extends CulvertError {}

/** Runs one command to its end and gives the process's exit code. Errors are told on stderr, in a line or two. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    await run(argv)
    return EXIT_CODE.ok
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\n${USAGE}\n`)
      return EXIT_CODE.usage
    }
    const message =
      error instanceof CulvertError
        ? `${error.message} (${error.code})`
        : String((error as Error).stack ?? error)
    process.stderr.write(`relay-server: ${message}\n`)
    return error instanceof ConfigError ? EXIT_CODE.config : EXIT_CODE.failed
  }
}

/** Modules are loaded when their command is asked for: a relay starts in a fraction of a second. */
async function run([command, ...rest]: readonly string[]): Promise<void> {
  switch (command) {
    case 'run': {
      const { config } = optionsOf(rest, ['config'])
      if (!config) throw new UsageError('usage', 'run needs --config <file.yaml>')
      const { runRelay } = await import('./relay-process.ts')
      return runRelay(config)
    }
    case 'probe': {
      const { config, hops } = optionsOf(rest, ['config', 'hops'])
      if (!config) throw new UsageError('usage', 'probe needs --config <file.yaml>')
      if (hops !== undefined && !/^[123]$/.test(hops)) throw new UsageError('usage', '--hops is 1, 2 or 3')
      const { runProbe } = await import('./client/probe.ts')
      return runProbe(config, Number(hops ?? 3) as 1 | 2 | 3)
    }
    case 'discover': {
      const { config, method = 'all', json } = optionsOf(rest, ['config', 'method'], ['json'])
      if (!config) throw new UsageError('usage', 'discover needs --config <file.yaml>')
      const { methodsOf } = await import('./discovery/discover.ts')
      const methods = methodsOf(method)
      if (methods.length === 0) throw new UsageError('usage', `there is no method ${method}`)
      const { runDiscover } = await import('./discovery/discover-command.ts')
      return runDiscover(config, methods, json === true)
    }
    case 'crawl': {
      const { config, seconds = '60', json } = optionsOf(rest, ['config', 'seconds'], ['json'])
      if (!config) throw new UsageError('usage', 'crawl needs --config <file.yaml>')
      if (!/^[1-9]\d{0,3}$/.test(seconds)) throw new UsageError('usage', '--seconds is 1 to 9999')
      const { runCrawl } = await import('./discovery/crawl-command.ts')
      return runCrawl(config, Number(seconds), json === true)
    }
    case 'status': {
      const { config, json } = optionsOf(rest, ['config'], ['json'])
      if (!config) throw new UsageError('usage', 'status needs --config <file.yaml>')
      const { runStatus } = await import('./admin/status-command.ts')
      return runStatus(config, json === true)
    }
    case 'keygen': {
      const { out } = optionsOf(rest, ['out'])
      if (!out) throw new UsageError('usage', 'keygen needs --out <file>')
      return keygen(out)
    }
    case 'lab': {
      const { web, sample } = optionsOf(rest, ['web', 'sample'])
      const { runLab } = await import('./lab/lab-command.ts')
      return runLab({ webRoot: web, sampleFolder: sample })
    }
    case 'lab-seeder': {
      const { runSeederProcess } = await import('./lab/seeder-process.ts')
      return runSeederProcess(rest[0] ?? '')
    }
    case 'port-mapper': {
      const { runMapper } = await import('./nat/mapper-process.ts')
      return runMapper(JSON.parse(rest[0] ?? '{"ports":[]}'))
    }
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(`${USAGE}\n`)
      return
    default:
      throw new UsageError('usage', command ? `there is no command ${command}` : 'a command is needed')
  }
}

/** @param names options with a value; @param switches options without one */
function optionsOf<Name extends string, Switch extends string = never>(
  args: readonly string[],
  names: readonly Name[],
  switches: readonly Switch[] = [],
): Partial<Record<Name, string> & Record<Switch, boolean>> {
  try {
    const options = Object.fromEntries([
      ...names.map((name) => [name, { type: 'string' as const }]),
      ...switches.map((name) => [name, { type: 'boolean' as const }]),
    ])
    return parseArgs({ args: [...args], options, strict: true }).values as Partial<
      Record<Name, string> & Record<Switch, boolean>
    >
  } catch (cause) {
    throw new UsageError('usage', (cause as Error).message, { cause })
  }
}

async function keygen(path: string): Promise<void> {
  const { createIdentity } = await import('./identity-file.ts')
  const { NodeRandom } = await import('./node-random.ts')
  const { toHex } = await import('../shared/bytes/bytes.ts')
  const keyPair = await createIdentity(path, new NodeRandom())
  process.stdout.write(`${toHex(keyPair.publicKey.bytes)}\n`)
}
