import { createLog } from '../log.ts'
import { MonthFile } from './month-file.ts'

/** A process that writes month after month until it is killed: prints the number of what is on disk. */
const [folder = ''] = process.argv.slice(2)
const file = new MonthFile(folder, createLog('error'))
for (let n = 1; ; n++) {
  await file.save({ monthStartMs: 0, bytesIn: n, bytesOut: n })
  process.stdout.write(`${n}\n`)
}
