/** In place of WebRTC: WebTorrent then takes no WebSocket trackers and makes no data channels (requirement W-03). */
export default { WEBRTC_SUPPORT: false }
