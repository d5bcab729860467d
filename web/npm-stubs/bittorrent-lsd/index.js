import { EventEmitter } from 'node:events'
// Local service discovery would tell the local network what is watched: it stays off.
export default class LocalServiceDiscovery extends EventEmitter {
  start() {}
  destroy(callback) {
    callback?.()
  }
}
