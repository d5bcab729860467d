import { createServer, type Server, type Socket } from 'node:net'
import { CulvertError } from '../../shared/bytes/error.ts'

/** The code of the CulvertError that a function throws; undefined if it throws none. */
export function codeOf(run: () => unknown): string | undefined {
  try {
    run()
  } catch (error) {
    if (error instanceof CulvertError) return error.code
    throw error
  }
  return undefined
}

/** As codeOf, of a promise. */
export async function codeOfPromise(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise
  } catch (error) {
    if (error instanceof CulvertError) return error.code
    throw error
  }
  return undefined
}

/** What a control port answers to one command line; undefined for silence. */
export type Answer = (line: string, socket: Socket) => string | undefined

/** A control port that is not tor's: it says what the test wants. */
export class FakeControlPort {
  readonly commands: string[] = []
  port = 0
  answer: Answer
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  constructor(answer: Answer) {
    this.answer = answer
    this.server = createServer((socket) => {
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
      socket.on('error', () => socket.destroy())
      let text = ''
      socket.on('data', (data: Buffer) => {
        text += data.toString('latin1')
        const lines = text.split('\r\n')
        text = lines.pop() ?? ''
        for (const line of lines) {
          this.commands.push(line)
          const said = this.answer(line, socket)
          if (said !== undefined) socket.write(said)
        }
      })
    })
  }

  /** @param port the one it had before, to come back at */
  async start(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve))
    const address = this.server.address()
    this.port = typeof address === 'object' && address ? address.port : 0
  }

  /** Says something to everybody, unasked. */
  tell(text: string): void {
    for (const socket of this.sockets) socket.write(text)
  }

  /** Ends every connection, and takes new ones. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    this.cut()
    if (this.server.listening) await new Promise((resolve) => this.server.close(resolve))
  }
}
