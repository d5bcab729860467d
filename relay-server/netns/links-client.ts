import { addressOf, NO_ADDRESS } from '../../shared/bytes/address.ts'
import { fromHex } from '../../shared/bytes/bytes.ts'
import { PublicKey } from '../../shared/identity/keys.ts'
import { echoThrough, streamsIn } from '../circuit-streams.fixture.ts'
import { openPageLink, TestOwner } from '../relay.fixture.ts'

/** What the owner is told, as JSON in its one argument. */
export interface LinksClientTask {
  /** `ws://host:port/relay` of the first hop. */
  readonly url: string
  /** Public keys of the hops, in hex. */
  readonly path: readonly string[]
  /** An echo's `host` and `port`, which the last hop is asked to connect to. */
  readonly echo: { readonly host: string; readonly port: number }
  readonly bytes: number
}

/** What came of it: printed as JSON. */
export interface LinksClientResult {
  readonly circuit: string
  /** Whether the echo gave back what it was sent. */
  readonly whole: boolean
}

/** The owner of one circuit that names its hops by their keys alone, in a namespace: streams bytes to an echo and back. */
const task = JSON.parse(process.argv[2] ?? '') as LinksClientTask
const hops = task.path.map((key, i) => ({
  publicKey: PublicKey.parse(fromHex(key)),
  address: NO_ADDRESS,
  name: `hop ${i + 1}`,
  culvert: true,
}))
const owner = new TestOwner()
const [first] = hops
if (first === undefined) throw new Error('a path of no hops')
const link = await openPageLink(task.url, first.publicKey, owner)
const circuit = await owner.build(link, hops)
const echo = addressOf(task.echo.host, task.echo.port)
const whole =
  circuit.state === 'ready' && (await echoThrough(streamsIn(circuit, owner), echo, task.bytes)).whole
const result: LinksClientResult = { circuit: circuit.state, whole }
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit())
