import { TrustBook } from '../../shared/trust/trust-book.ts'
import { createLog } from '../log.ts'
import { NodeClock } from '../node-clock.ts'
import { TrustStore } from './trust-store.ts'

/** A process that marks relay after relay and writes its book each time, until it is killed: prints the number of what is on disk. */
const [folder = ''] = process.argv.slice(2)
const clock = new NodeClock()
const book = new TrustBook({ clock })
const store = await TrustStore.open({ folder, book, clock, log: createLog('error') })
for (let n = 0; ; n++) {
  book.markByHand(new Uint8Array(20).fill(n & 255), 'blocked')
  await store.save()
  process.stdout.write(`${n}\n`)
}
