/**
 * Resolves on SIGINT or SIGTERM, and when the process that started this one with a channel to it is gone. A second signal
 * ends the process at once.
 */
export function untilToldToStop(): Promise<void> {
  return new Promise((resolve) => {
    let told = false
    const tell = () => {
      if (told) process.exit(1)
      told = true
      resolve()
    }
    process.on('SIGINT', tell)
    process.on('SIGTERM', tell)
    if (process.connected) {
      process.once('disconnect', () => {
        if (!told) tell()
      })
    }
  })
}
