import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { RelayConfigInput } from '../config.ts'
import type { RelayStatus } from '../relay.ts'
import type { RelayReady } from '../relay-process.ts'
import type { Namespace, NetnsProcess } from './namespaces.ts'

const PROGRAM = fileURLToPath(new URL('../main.ts', import.meta.url))

/** A relay in a process of its own, in a namespace. */
export interface NetnsRelay {
  readonly host: Namespace
  readonly ready: RelayReady
  readonly process: NetnsProcess
  /** What it wrote to its log so far. */
  log(): string
}

/** Asked within the relay's namespace: it tells nobody else. The gateway is to be on. */
export function statusOf({ host }: Pick<NetnsRelay, 'host'>): RelayStatus {
  const program = `fetch('http://127.0.0.1:8080/status.json').then((response) => response.text()).then(console.log)`
  return JSON.parse(host.run(process.execPath, '--eval', program)) as RelayStatus
}

/** Files of relays that are removed with the last of them. */
export class RelayFolder {
  private readonly path = mkdtempSync(join(tmpdir(), 'culvert-netns-'))
  private relays = 0

  /** Starts the real program, with the configuration in a file. Throws a CulvertError `netns-relay` with its log. */
  start(namespace: Namespace, config: RelayConfigInput): Promise<NetnsRelay> {
    const name = `relay${this.relays++}`
    const file = join(this.path, `${name}.yaml`)
    const own = { nickname: name, identity: `${name}.key`, state: `${name}.state`, network: 'test' }
    // Names cannot be looked up in there.
    const discovery = { dht: { defaultRouters: false } }
    writeFileSync(file, stringify({ ...own, discovery, ...config }))
    const child = namespace.spawn(process.execPath, '--import', 'tsx', PROGRAM, 'run', '--config', file)
    let log = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text
    })
    return new Promise((resolve, reject) => {
      child.once('message', (ready: RelayReady) =>
        resolve({ host: namespace, ready, process: child, log: () => log }),
      )
      child.once('exit', () => reject(new CulvertError('netns-relay', `the relay did not start: ${log}`)))
    })
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
