import { writeSync } from 'node:fs'

/** The file descriptor. */
const STDERR = 2

export type LogLevel = 'error' | 'info' | 'debug'

/**
 * Lines of plain text for the operator. At `error` and `info` a line holds no address, info hash, key or circuit id
 * (requirement N-13); `debug` may hold neighbours' addresses and is off unless asked for.
 */
export interface Log {
  error(message: string): void
  info(message: string): void
  debug(message: string): void
}

const RANK: Record<LogLevel, number> = { error: 0, info: 1, debug: 2 }

/** Writes lines `<UTC time> <level> <message>` up to `level`. */
export function createLog(level: LogLevel, write: (line: string) => void = writeStderr): Log {
  const at = (own: LogLevel) => (message: string) => {
    if (RANK[own] <= RANK[level]) write(`${new Date().toISOString()} ${own} ${message}`)
  }
  return { error: at('error'), info: at('info'), debug: at('debug') }
}

/** By the descriptor: `process.stderr` ends the process with an uncaught error at the first line that it cannot write. */
function writeStderr(line: string): void {
  try {
    writeSync(STDERR, `${line}\n`)
  } catch {
    // The disk is full, the terminal closed or the pipe busy. There is nobody to tell, and the next line may fit again.
  }
}
