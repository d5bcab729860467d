/** The browser that tests and measurements start. */
export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'

/** Of every start: as root there is no sandbox, the browser stays out of the network by itself, and films begin unasked. */
export const CHROMIUM_FLAGS: readonly string[] = [
  '--no-sandbox',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
]

/** Where pages are to meet over WebRTC: all of a lab is on loopback, and names of mDNS are known to nobody there. */
export const LOOPBACK_WEBRTC_FLAGS: readonly string[] = [
  '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
]
