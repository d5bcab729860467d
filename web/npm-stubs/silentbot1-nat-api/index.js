// Nothing here asks a home router to open ports (WebTorrent's natUpnp and natPmp are off).
export default class NatAPI {
  async map() {
    return false
  }
  async destroy() {}
}
