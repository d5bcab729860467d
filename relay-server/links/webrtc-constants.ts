/** The data channel's name. */
export const CHANNEL_LABEL = 'culvert'
/** From the first signal to an open data channel; authentication comes after it. */
export const WEBRTC_CONNECT_MS = 20_000
/** A neighbour has so long to read what was sent before the end, and to end the connection. */
export const WEBRTC_CLOSE_GRACE_MS = 1_000
/** The channel tells that it has room again when so little is left in it, in bytes. */
export const CHANNEL_LOW_BYTES = 65_536

export const WEBRTC_LIMITS = {
  /** WebRTC connections at once, from and to here. One takes about 0.5 MB. */
  connections: 200,
  /** Of them, those that are being opened because somebody called. */
  opening: 16,
} as const
