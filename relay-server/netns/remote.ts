import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { fileURLToPath } from 'node:url'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { Namespace, Topology } from './namespaces.ts'

/**
 * A program of this folder in a process of its own that has UDP sockets in other namespaces, and the calls that it answers. One
 * process for all hosts of a topology starts once, and its machines can be looked into as one.
 */

/** Where a socket is to be bound: an IPv4 address. One of TCP listens. */
export interface Place {
  readonly namespace: Namespace
  readonly host: string
  readonly port: number
  /** `udp` unless given. */
  readonly kind?: 'udp' | 'tcp'
}

/** Inherited sockets have these file descriptors and those after, clear of stdio and the channel between the processes. */
const FIRST_FD = 100
const LAUNCHER = fileURLToPath(new URL('sockets-then-run.py', import.meta.url))

interface Call {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
}
type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }

/** The calling side. */
export class Remote {
  private readonly child: ChildProcess
  private readonly waiting = new Map<number, { resolve(result: never): void; reject(error: Error): void }>()
  private calls = 0
  private ended: CulvertError | undefined

  /** Starts `program`, a file of this folder, with a socket for each place; in a namespace, if one is given. */
  constructor(topology: Topology, program: string, places: readonly Place[], inside?: Namespace) {
    const sockets = places.map(({ namespace, kind = 'udp', ...place }, i) => ({
      ...place,
      kind,
      namespace: namespace.name,
      fd: FIRST_FD + i,
    }))
    const path = fileURLToPath(new URL(program, import.meta.url))
    const node = [process.execPath, '--import', 'tsx', path]
    this.child = spawn(
      'setpriv',
      [
        ...['--pdeathsig', 'KILL', '/usr/bin/python3', LAUNCHER],
        ...[JSON.stringify(sockets), inside?.name ?? '-', ...node],
      ],
      { stdio: ['ignore', 'inherit', 'pipe', 'ipc'], serialization: 'advanced' },
    )
    topology.adopt(this.child)
    let said = ''
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2000)
    })
    this.child.on('message', (answer: Answer) => this.answered(answer))
    this.child.once('exit', () => this.end(new CulvertError('netns-remote', `${program} has ended: ${said}`)))
    this.child.once('error', (cause) =>
      this.end(new CulvertError('netns-remote', `${program} did not start`, { cause })),
    )
  }

  /** Rejects with a CulvertError `netns-remote` if the method throws or the process ends. */
  call<Result>(method: string, ...args: readonly unknown[]): Promise<Result> {
    if (this.ended) return Promise.reject(this.ended)
    const call: Call = { id: this.calls++, method, args }
    return new Promise<Result>((resolve, reject) => {
      this.waiting.set(call.id, { resolve, reject })
      this.child.send(call)
    })
  }

  private answered(answer: Answer): void {
    const waiting = this.waiting.get(answer.id)
    this.waiting.delete(answer.id)
    if ('error' in answer) waiting?.reject(new CulvertError('netns-remote', answer.error))
    else waiting?.resolve(answer.result as never)
  }

  private end(error: CulvertError): void {
    this.ended = error
    for (const { reject } of this.waiting.values()) reject(error)
    this.waiting.clear()
  }
}

type Method = (...args: never[]) => unknown

/** The answering side: calls of the parent go to these methods, one by one as they come. Ends with the parent. */
export function answerCalls(methods: Readonly<Record<string, Method>>): void {
  process.on('disconnect', () => process.exit())
  process.on('message', async ({ id, method, args }: Call) => {
    let answer: Answer
    try {
      const found = methods[method]
      if (!found) throw new CulvertError('netns-remote', `there is no method ${method}`)
      answer = { id, result: await found(...(args as never[])) }
    } catch (error) {
      answer = { id, error: String(error) }
    }
    process.send?.(answer)
  })
}

/** The file descriptor of the place with this index, in the process that inherited it. */
export const inheritedFd = (index: number): number => FIRST_FD + index

/** The UDP socket of the place with this index. */
export function inheritedSocket(index: number): Promise<Socket> {
  const socket = createSocket({
    type: 'udp4',
    lookup: (host, _options, done) => done(null, host, 4),
  })
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ fd: inheritedFd(index) }, () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}
