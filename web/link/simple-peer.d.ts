/** simple-peer as it is published for browsers: its Node modules are bundled within. */
declare module 'simple-peer/simplepeer.min.js' {
  import SimplePeer from 'simple-peer'

  export default SimplePeer
}
