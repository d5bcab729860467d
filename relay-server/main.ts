import { main } from './cli.ts'

const code = await main(process.argv.slice(2))
// What is still open at this point (a native library's thread, a socket of a package) must not keep a stopped process.
process.exit(code)
