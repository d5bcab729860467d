import libsodium, { type LibsodiumModule } from 'libsodium'

let module: Promise<LibsodiumModule> | undefined

/** libsodium in WebAssembly, instantiated once: its memory is 16 MB. Rejects where WebAssembly is missing or forbidden. */
export function sodiumModule(): Promise<LibsodiumModule> {
  // No sodium_init: it seeds a generator, which nothing here uses, and picks among CPUs, of which WebAssembly has one.
  module ??= libsodium()
  return module
}
