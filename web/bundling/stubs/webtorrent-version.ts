/** In place of a module that bundles WebTorrent's whole package.json. `EXPECTED_VERSIONS` holds the two together. */
export default '3.0.21'
