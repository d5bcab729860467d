import { type ChildProcess, fork } from 'node:child_process'
import { createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

/**
 * A TCP service in a process of its own that answers a connection's first line, a decimal count, with that many bytes,
 * and then finishes. The far end of every goodput figure, so that all are measured against the same sender.
 */
export interface ByteSource {
  readonly port: number
  stop(): void
}

const CHUNK = new Uint8Array(64 * 1024).map((_, i) => i * 31)

function serve(socket: Socket): void {
  let line = ''
  socket.on('error', () => socket.destroy())
  socket.on('data', (data) => {
    line += data.toString('latin1')
    const end = line.indexOf('\n')
    if (end < 0) {
      if (line.length > 20) socket.destroy()
      return
    }
    let left = Number(line.slice(0, end))
    socket.removeAllListeners('data')
    socket.resume()
    const pump = () => {
      while (left > 0) {
        const chunk = left >= CHUNK.length ? CHUNK : CHUNK.subarray(0, left)
        left -= chunk.length
        if (!socket.write(chunk)) return
      }
      socket.end()
    }
    socket.on('drain', pump)
    pump()
  })
}

/** Starts a byte source listening on `host`, a loopback address. */
export async function startByteSource(host: string): Promise<ByteSource> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), [host])
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(Number(message)))
    child.once('exit', (code) => reject(new Error(`the byte source ended with code ${code}`)))
  })
  return { port, stop: () => child.kill() }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = createServer(serve)
  server.listen(0, process.argv[2], () => {
    const address = server.address()
    if (address && typeof address === 'object') process.send?.(address.port)
  })
  process.on('disconnect', () => process.exit())
}
