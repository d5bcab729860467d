/**
 * What of WebTorrent 3 is exchanged when the page is bundled. Its Node side runs in the browser with other sockets: `net`
 * and `dgram` are circuit streams and circuit datagrams (requirements C-07, W-03, W-04), and everything that could open
 * another way out (WebRTC, WebSocket trackers, LSD, UPnP) is not compiled in.
 */

/** Packages whose files are replaced or patched, and the only versions that this was read and tested with. */
export const EXPECTED_VERSIONS: Readonly<Record<string, string>> = {
  webtorrent: '3.0.21',
  'bittorrent-protocol': '5.0.9',
  'bittorrent-tracker': '11.2.3',
  'bittorrent-dht': '11.0.12',
  'torrent-discovery': '11.0.21',
  'parse-torrent': '11.0.24',
  ut_pex: '5.0.2',
  'k-rpc': '5.1.0',
  'k-rpc-socket': '1.11.1',
  'cross-fetch-ponyfill': '1.0.3',
}

/** Bare imports -> own module, relative to `web/`. `node:` prefixes are taken off first. */
export const OWN_MODULES: Readonly<Record<string, string>> = {
  net: 'tunnel/net.ts',
  dgram: 'tunnel/dgram.ts',
  dns: 'tunnel/dns.ts',
  crypto: 'tunnel/crypto.ts',
  'cross-fetch-ponyfill': 'tunnel/fetch.ts',
  util: 'bundling/stubs/util.ts',
  querystring: 'bundling/stubs/querystring.ts',
  os: 'bundling/stubs/os.ts',
  debug: 'bundling/stubs/debug.ts',
  fs: 'bundling/stubs/nothing.ts',
  'fs-chunk-store': 'bundling/stubs/nothing.ts',
  'create-torrent': 'bundling/stubs/create-torrent.ts',
  'load-ip-set': 'bundling/stubs/nothing.ts',
  'bittorrent-lsd': 'bundling/stubs/nothing.ts',
  '@silentbot1/nat-api': 'bundling/stubs/nothing.ts',
  '@thaunknown/simple-peer/lite.js': 'bundling/stubs/simple-peer.ts',
  '@thaunknown/simple-websocket': 'bundling/stubs/nothing.ts',
  socks: 'bundling/stubs/nothing.ts',
}

/** Bare imports -> the browser-ready package of that name, for what Vite takes for a Node built-in. */
export const BROWSER_PACKAGES: Readonly<Record<string, string>> = {
  events: 'events/events.js',
  buffer: 'buffer/index.js',
  path: 'path-esm/index.js',
}

/** Files that a package hides from browsers, used all the same: package/path. */
export const UNHIDDEN_FILES: readonly string[] = [
  'webtorrent/lib/conn-pool.js',
  'bittorrent-protocol/mse.js',
  'bittorrent-tracker/lib/common-node.js',
  'bittorrent-tracker/lib/client/http-tracker.js',
  'bittorrent-tracker/lib/client/udp-tracker.js',
  'bittorrent-dht/index.js',
  'ut_pex/index.js',
]

/** Files inside packages -> own module, relative to `web/`. `marker` is text that the replaced file must contain. */
export const OWN_FILES: Readonly<Record<string, { readonly module: string; readonly marker: string }>> = {
  'webtorrent/lib/utp.cjs': { module: 'tunnel/utp.ts', marker: "require('utp-native')" },
  'webtorrent/version.cjs': {
    module: 'bundling/stubs/webtorrent-version.ts',
    marker: "require('./package.json').version",
  },
  'webtorrent/lib/server.js': { module: 'bundling/stubs/server.ts', marker: 'class BrowserServer extends' },
  'bittorrent-tracker/server.js': { module: 'bundling/stubs/nothing.ts', marker: 'class Server extends' },
  'bittorrent-tracker/lib/client/websocket-tracker.js': {
    module: 'bundling/stubs/nothing.ts',
    marker: 'class WebSocketTracker extends',
  },
}

export interface Patch {
  /** package/path. */
  readonly file: string
  readonly why: string
  readonly find: string
  readonly replace: string
}

const torrent = 'webtorrent/lib/torrent.js'
const krpc = 'k-rpc-socket/index.js'

/** Each `find` must occur exactly once. */
export const PATCHES: readonly Patch[] = [
  {
    file: torrent,
    why: 'A circuit has a round trip of 0.3 to 1 s: half a second of requests in flight would starve it.',
    find: 'const PIPELINE_MIN_DURATION = 0.5\n',
    replace: 'const PIPELINE_MIN_DURATION = 1.5\n',
  },
  {
    file: torrent,
    why: 'As above, for the upper bound.',
    find: 'const PIPELINE_MAX_DURATION = 1\n',
    replace: 'const PIPELINE_MAX_DURATION = 2.5\n',
  },
  {
    file: torrent,
    why: 'Two requests in flight at the start mean seconds until speed builds up.',
    find: 'let length = 2 + Math.ceil(duration',
    replace: 'let length = 16 + Math.ceil(duration',
  },
  {
    file: torrent,
    why: 'The trial request of one block costs a round trip; only worth it where another peer delivers already.',
    find: 'if (!wire.downloaded) return validateWire()',
    replace:
      'if (!wire.downloaded && this.wires.some(w => w !== wire && w.downloaded)) return validateWire()',
  },
  {
    file: torrent,
    why: 'Peers that refuse plaintext, or refuse encryption, are reached at the second try: alternate.',
    find: 'if (newPeer) newPeer.retries = peer.retries + 1',
    replace: 'if (newPeer) { newPeer.retries = peer.retries + 1; newPeer.secure = newPeer.retries % 2 }',
  },
  {
    file: torrent,
    why: 'Seeds hang up on a seed: without this they are called again every second.',
    find: "    conn.on('close', () => {\n      if (this.destroyed) return\n",
    replace: "    conn.on('close', () => {\n      if (this.destroyed || this.done) return\n",
  },
  {
    file: torrent,
    why: 'Our uTP hook tries TCP as well, so a peer that failed four times is not tried anew for ever.',
    find: "        if (this.client.utp) {\n          const newPeer = this._addPeer(peer.addr, 'tcp', peer.source)",
    replace: "        if (false) {\n          const newPeer = this._addPeer(peer.addr, 'tcp', peer.source)",
  },
  {
    file: krpc,
    why: 'Names of bootstrap nodes go to the exit, which resolves them: the page has no resolver.',
    find: 'if (!this.isIP(peer.host)) return this._resolveAndQuery(peer, query, cb)',
    replace: '',
  },
  {
    file: krpc,
    why: 'The answer of a node asked by name comes from an address that the page could not know.',
    find: 'if (req.peer.host !== rinfo.address) {',
    replace: 'if (self.isIP(req.peer.host) && req.peer.host !== rinfo.address) {',
  },
  {
    file: 'bittorrent-tracker/lib/client/tracker.js',
    why: 'A tracker names the pause: less than none, or more than a timer holds, would have it asked hundreds of times a second.',
    find: '    if (intervalMs) {\n',
    replace: '    if (intervalMs) {\n      intervalMs = Math.min(Math.max(intervalMs, 60e3), 864e5)\n',
  },
]
