import { CulvertError } from '../../shared/bytes/error.ts'

/** What is used of a WebRTC implementation: the W3C interface, and a way to end what runs beside this thread. */
export interface WebRtcLibrary {
  connect(options: WebRtcConnectOptions): RTCPeerConnection
  /** Ends the library's threads, when no connection is left; without it the process lives on for seconds. */
  cleanup(): void
}

export interface WebRtcConnectOptions {
  /** `stun:host:port` */
  readonly stunServers: readonly string[]
  /** Most bytes of a message that is taken. */
  readonly maxMessageBytes: number
  /** The only address to send from, where there is a choice to be made. */
  readonly bindAddress?: string | undefined
}

/**
 * Loads node-datachannel, which is native code and not there for every platform. Its W3C interface is used: the package's own
 * has been seen to crash at the end of a process.
 * @throws CulvertError `webrtc-unavailable`
 */
export async function loadWebRtc(): Promise<WebRtcLibrary> {
  try {
    const [{ RTCPeerConnection: Connection }, { cleanup }] = await Promise.all([
      import('node-datachannel/polyfill'),
      import('node-datachannel'),
    ])
    return {
      connect: ({ stunServers, maxMessageBytes, bindAddress }) => {
        const config = {
          iceServers: stunServers.map((urls) => ({ urls })),
          maxMessageSize: maxMessageBytes,
          ...(bindAddress !== undefined && { bindAddress }),
        }
        // Its types leave out what it does not implement, media for one.
        return new Connection(config) as unknown as RTCPeerConnection
      },
      cleanup,
    }
  } catch (cause) {
    throw new CulvertError('webrtc-unavailable', 'WebRTC is not there on this machine', { cause })
  }
}

/** Who uses the library in this process: its threads are all users' together. */
let users = 0

/** Counts one more user. */
export function useWebRtc(): void {
  users++
}

/** One user has closed all its connections. The last one ends the threads. */
export function releaseWebRtc(library: WebRtcLibrary): void {
  if (--users === 0) library.cleanup()
}
