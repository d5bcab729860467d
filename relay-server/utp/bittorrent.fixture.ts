import { createHash } from 'node:crypto'

const PROTOCOL = Buffer.from('\x13BitTorrent protocol', 'latin1')
const HANDSHAKE_BYTES = 68
const BLOCK_BYTES = 16_384
const PIPELINE = 64
const MESSAGE = { unchoke: 1, interested: 2, bitfield: 5, request: 6, piece: 7 }

const sha1 = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest()

/** One file as a torrent (BEP 3). */
export class TestTorrent {
  readonly pieceBytes = 65_536
  readonly pieces: Buffer[]
  /** The metainfo file. */
  readonly file: Buffer
  readonly infoHash: Buffer

  constructor(name: string, content: Uint8Array) {
    const count = Math.ceil(content.length / this.pieceBytes)
    this.pieces = Array.from({ length: count }, (_, i) =>
      sha1(content.subarray(i * this.pieceBytes, (i + 1) * this.pieceBytes)),
    )
    const info = Buffer.concat([
      Buffer.from(
        `d6:lengthi${content.length}e4:name${name.length}:${name}12:piece lengthi${this.pieceBytes}e`,
      ),
      Buffer.from(`6:pieces${20 * count}:`),
      ...this.pieces,
      Buffer.from('e'),
    ])
    this.infoHash = sha1(info)
    this.file = Buffer.concat([Buffer.from('d4:info'), info, Buffer.from('e')])
  }
}

/** The least of a BitTorrent peer (BEP 3): fetches all of a torrent, or serves it. */
export class TestPeer {
  readonly got: Buffer
  pieces = 0
  private readonly torrent: TestTorrent
  private readonly content: Uint8Array | undefined
  private readonly write: (bytes: Uint8Array) => void
  private readonly finished: () => void
  private inbox: Buffer = Buffer.alloc(0)
  private shaken = false
  private asked = 0
  private received = 0

  /** @param content what to serve; undefined to fetch `length` bytes instead */
  constructor(
    torrent: TestTorrent,
    length: number,
    content: Uint8Array | undefined,
    write: (bytes: Uint8Array) => void,
    finished: () => void,
  ) {
    this.torrent = torrent
    this.got = Buffer.alloc(content === undefined ? length : 0)
    this.content = content
    this.write = write
    this.finished = finished
  }

  shake(): void {
    const id = Buffer.from('-CV0001-test01234567')
    this.write(Buffer.concat([PROTOCOL, Buffer.alloc(8), this.torrent.infoHash, id]))
  }

  receive(chunk: Uint8Array): void {
    this.inbox = Buffer.concat([this.inbox, chunk])
    if (!this.shaken) {
      if (this.inbox.length < HANDSHAKE_BYTES) return
      if (!this.inbox.subarray(28, 48).equals(this.torrent.infoHash)) throw new RangeError('another torrent')
      this.inbox = this.inbox.subarray(HANDSHAKE_BYTES)
      this.shaken = true
      this.greet()
    }
    while (this.inbox.length >= 4) {
      const length = this.inbox.readUInt32BE(0)
      if (this.inbox.length < 4 + length) return
      const body = this.inbox.subarray(4, 4 + length)
      this.inbox = this.inbox.subarray(4 + length)
      if (length > 0) this.message(body[0] ?? 0, body.subarray(1))
    }
  }

  private greet(): void {
    if (this.content === undefined) {
      this.say(MESSAGE.interested, Buffer.alloc(0))
      return
    }
    this.shake()
    const bits = Buffer.alloc(Math.ceil(this.torrent.pieces.length / 8))
    this.torrent.pieces.forEach((_, i) => {
      bits[i >> 3] = (bits[i >> 3] ?? 0) | (0x80 >> (i & 7))
    })
    this.say(MESSAGE.bitfield, bits)
    this.say(MESSAGE.unchoke, Buffer.alloc(0))
  }

  private message(type: number, body: Buffer): void {
    if (type === MESSAGE.unchoke && this.content === undefined) this.ask()
    if (type === MESSAGE.piece) this.takeBlock(body.readUInt32BE(0), body.readUInt32BE(4), body.subarray(8))
    if (type === MESSAGE.request) this.serve(body.readUInt32BE(0), body.readUInt32BE(4), body.readUInt32BE(8))
  }

  private ask(): void {
    while (this.asked < this.got.length && this.asked - this.received < PIPELINE * BLOCK_BYTES) {
      const { pieceBytes } = this.torrent
      const body = Buffer.alloc(12)
      body.writeUInt32BE(Math.floor(this.asked / pieceBytes), 0)
      body.writeUInt32BE(this.asked % pieceBytes, 4)
      body.writeUInt32BE(Math.min(BLOCK_BYTES, this.got.length - this.asked), 8)
      this.asked += BLOCK_BYTES
      this.say(MESSAGE.request, body)
    }
  }

  private takeBlock(piece: number, begin: number, block: Buffer): void {
    block.copy(this.got, piece * this.torrent.pieceBytes + begin)
    this.received += block.length
    this.ask()
    if (this.received < this.got.length) return
    this.torrent.pieces.forEach((hash, i) => {
      const { pieceBytes } = this.torrent
      if (sha1(this.got.subarray(i * pieceBytes, (i + 1) * pieceBytes)).equals(hash)) this.pieces++
    })
    this.finished()
  }

  private serve(piece: number, begin: number, length: number): void {
    if (this.content === undefined) return
    const at = piece * this.torrent.pieceBytes + begin
    const head = Buffer.alloc(8)
    head.writeUInt32BE(piece, 0)
    head.writeUInt32BE(begin, 4)
    this.say(MESSAGE.piece, Buffer.concat([head, this.content.subarray(at, at + length)]))
  }

  private say(type: number, body: Uint8Array): void {
    const message = Buffer.alloc(5 + body.length)
    message.writeUInt32BE(1 + body.length, 0)
    message[4] = type
    message.set(body, 5)
    this.write(message)
  }
}
