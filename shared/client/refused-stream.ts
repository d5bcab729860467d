import type { StreamEnd, StreamOpener } from '../stream/byte-stream.ts'
import type { Clock } from '../world/clock.ts'

/** Opens streams that end at once, for a reason that is known beforehand. */
export function refusedStream(clock: Clock, reason: StreamEnd): StreamOpener {
  return (_, events) => {
    let told = false
    const tell = (why: StreamEnd | undefined) => {
      if (told) return
      told = true
      events.closed(why)
    }
    clock.after(0, () => tell(reason))
    return {
      write: () => true,
      end: () => undefined,
      destroy: () => {
        clock.after(0, () => tell(undefined))
      },
      pause: () => undefined,
      resume: () => undefined,
    }
  }
}
