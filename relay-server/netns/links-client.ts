import { addressOf, NO_ADDRESS } from '../../shared/bytes/address.ts'
import { equalBytes, fromHex } from '../../shared/bytes/bytes.ts'
import { PublicKey } from '../../shared/identity/keys.ts'
import { StreamClient } from '../../shared/stream/stream-client.ts'
import { Recorder } from '../exit/exit.fixture.ts'
import { clock, openPageLink, random, TestOwner } from '../relay.fixture.ts'

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
const streams = new StreamClient({
  clock,
  random,
  counters: owner.counters,
  send: (destination, packet) => circuit.sendStream(destination, packet),
})
owner.onStream = (destination, packet) => streams.receive(destination, packet)
owner.onReset = (destination, id, reason) => streams.reset(destination, id, reason)
const events = new Recorder()
const sent = random.bytes(task.bytes)
if (circuit.state === 'ready') {
  const stream = streams.open(addressOf(task.echo.host, task.echo.port), events)
  stream.write(sent)
  stream.end()
  await events.until(() => events.end !== undefined)
}
const result: LinksClientResult = {
  circuit: circuit.state,
  whole: equalBytes(new Uint8Array(Buffer.concat(events.chunks)), sent),
}
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit())
