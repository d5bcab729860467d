// WebTorrent loads a block list through this only when one is configured; Culvert hands it its own.
export default function loadIPSet(_input, _options, callback) {
  callback(new Error('block lists by file or address are not used in Culvert'))
}
