import { toHex } from '../shared/bytes/bytes.ts'
import { Counters } from '../shared/world/counters.ts'
import { startAdmin } from './admin/relay-admin.ts'
import { loadConfig } from './config.ts'
import { loadOrCreateIdentity } from './identity-file.ts'
import { untilToldToStop } from './life-cycle.ts'
import { createLog } from './log.ts'
import { NodeClock } from './node-clock.ts'
import { NodeRandom } from './node-random.ts'
import { Relay } from './relay.ts'

/** What a relay that was started by another process tells it once it is up. */
export interface RelayReady {
  readonly type: 'ready'
  /** `host:port` of the UDP socket. */
  readonly udp: string
  /** `http://host:port` or `https:`, if there is a gateway. */
  readonly gateway: string | undefined
  /** 148 hex digits. */
  readonly publicKey: string
}

/** Runs a relay until it is told to stop. Throws if it cannot start. */
export async function runRelay(configPath: string): Promise<void> {
  const config = await loadConfig(configPath)
  const log = createLog(config.logLevel)
  const random = new NodeRandom()
  const { keyPair, created } = await loadOrCreateIdentity(config.identity, random)
  if (created) log.info('made a new identity; keep a copy of its file')
  const counters = new Counters()
  const relay = new Relay({ config, keyPair, clock: new NodeClock(), random, counters, log })
  const told = untilToldToStop()
  const started = relay.start()
  // From now on, since a SIGHUP that nobody heeds ends the process; what it is to reload is there once the relay is up.
  process.on('SIGHUP', () => {
    started.then(() => relay.reload()).catch(() => undefined)
  })
  await started
  const admin = await startAdmin({ config, random, counters, relay })
  const ready: RelayReady = {
    type: 'ready',
    udp: relay.udpAddress,
    gateway: relay.gatewayUrl,
    publicKey: toHex(keyPair.publicKey.bytes),
  }
  process.send?.(ready)
  log.info(`${config.nickname} is up${config.exit.enabled ? ', as an exit' : ''}`)
  await told
  await admin?.stop()
  await relay.stop()
  log.info(`${config.nickname} has stopped`)
}
