import { SocketError } from './socket.ts'

/** In place of Node's `dns`: names are resolved by the exit alone, so a look-up here fails (requirement W-03). */
export function lookup(_name: string, ...rest: unknown[]): void {
  const callback = rest.at(-1)
  if (typeof callback !== 'function') return
  const error = new SocketError('name-not-found', 'names are resolved at the exit, not in the page')
  queueMicrotask(() => callback(error))
}

export default { lookup }
