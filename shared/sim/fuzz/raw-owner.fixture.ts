import type { Aead } from '../../crypto/aead.ts'
import { complete, ephemeralKey } from '../../crypto/handshake.ts'
import type { KeyPair, PublicKey } from '../../identity/keys.ts'
import {
  cellBuffer,
  isCell,
  isPlaintext,
  messageAt,
  plaintextCell,
  writeCellHeader,
} from '../../onion/cells.ts'
import { CELL_HEADER_BYTES, FIRST_OWNER_COUNTER, MESSAGE } from '../../onion/constants.ts'
import { LayerSealer } from '../../onion/layer.ts'
import { decodeMessage, encodeMessage } from '../../onion/messages.ts'
import type { Random } from '../../world/random.ts'
import { uint16 } from '../../world/random.ts'
import { TUNNEL } from './corpus.fixture.ts'

/** A circuit of one hop whose owner seals whatever it likes: what comes out of it has passed every check of the layer. */
export class RawOwner {
  readonly id: number
  private readonly random: Random
  private readonly aead: Aead
  private readonly relay: PublicKey
  private readonly keyPair: KeyPair
  private readonly ephemeral
  private sealer: LayerSealer | undefined

  constructor(random: Random, aead: Aead, keyPair: KeyPair, relay: PublicKey, id: number) {
    this.random = random
    this.aead = aead
    this.keyPair = keyPair
    this.relay = relay
    this.id = id
    this.ephemeral = ephemeralKey(random)
  }

  get ready(): boolean {
    return this.sealer !== undefined
  }

  create(): Uint8Array {
    const create = {
      identifier: uint16(this.random),
      nodeKey: this.keyPair.publicKey.bytes,
      dhKey: this.ephemeral.publicKey,
    }
    return plaintextCell(TUNNEL, this.id, true, encodeMessage(MESSAGE.create, create))
  }

  /** Takes what the relay sends back; only created is of interest. */
  receive(packet: Uint8Array): void {
    if (!isCell(packet) || !isPlaintext(packet) || packet[CELL_HEADER_BYTES] !== MESSAGE.created) return
    const { dhKey, auth } = decodeMessage(MESSAGE.created, packet, CELL_HEADER_BYTES)
    const keys = complete(this.ephemeral, this.relay.x25519, dhKey, auth)
    this.sealer = new LayerSealer(this.aead, keys.forwardKey, keys.forwardSalt, FIRST_OWNER_COUNTER)
  }

  /** A cell with these bytes for its message, sealed as it should be. */
  cell(message: Uint8Array, relayEarly: boolean): Uint8Array {
    const cell = cellBuffer(1, message.length)
    cell.set(message, messageAt(1))
    writeCellHeader(cell, 0, TUNNEL, this.id, false, relayEarly)
    this.sealer?.seal(cell, CELL_HEADER_BYTES, messageAt(1) + message.length)
    return cell
  }
}
