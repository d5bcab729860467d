import { CulvertError } from '../../shared/bytes/error.ts'
import type { Tunnel } from './tunnel.ts'

// On globalThis, since Vite's development server bundles these modules twice: once for the app, once for WebTorrent.
const key = Symbol.for('culvert.tunnel')
const shelf = globalThis as { [key]?: Tunnel }

/** Sets the tunnel that all sockets of WebTorrent go through. Connections that are open stay where they are. */
export function setTunnel(tunnel: Tunnel): void {
  shelf[key] = tunnel
}

/** @throws CulvertError `tunnel-missing` before `setTunnel` */
export function currentTunnel(): Tunnel {
  const tunnel = shelf[key]
  if (!tunnel) throw new CulvertError('tunnel-missing', 'a socket was asked for before there was a tunnel')
  return tunnel
}
