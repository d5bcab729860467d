/** WebTorrent as it is published for browsers: WebRTC, WebSocket trackers, web seeds. */
declare module 'webtorrent/dist/webtorrent.min.js' {
  import WebTorrent, { type ClientOptions } from 'webtorrent'

  export interface DirectClientOptions extends Omit<ClientOptions, 'tracker'> {
    /** Handed to RTCPeerConnection; WebTorrent's own STUN servers unless given. */
    tracker?: { rtcConfig?: { iceServers: readonly { urls: string }[] } }
  }

  export default class BrowserWebTorrent extends WebTorrent {
    constructor(options: DirectClientOptions)
  }
}
