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

function writeStderr(line: string): void {
  process.stderr.write(`${line}\n`)
}
