import type { IpAddress } from '../bytes/address.ts'
import type { Aead } from '../crypto/aead.ts'
import { complete, type EphemeralKey, type SessionKeys } from '../crypto/handshake.ts'
import type { PublicKey } from '../identity/keys.ts'
import type { HopState } from './circuit-state.ts'
import { LayerOpener, LayerSealer } from './layer.ts'

/** A relay that a circuit is to go through. */
export interface PathHop {
  readonly publicKey: PublicKey
  /**
   * Where the hop before it reaches it; 0.0.0.0:0 where that one knows the way by key. Of the first hop it is not used: the link
   * leads there.
   */
  readonly address: IpAddress
  /** The relay's own name for itself. */
  readonly name: string
  /** Whether it is known to run Culvert (it has a descriptor), which takes a repeated extend for what it is. */
  readonly culvert?: boolean
}

/** What may be shown of a hop. */
export interface HopStatus {
  readonly name: string
  readonly address: IpAddress
  readonly state: HopState
  /** From create or extend to its answer; of the last hop, the last ping's round trip. Milliseconds. */
  readonly latencyMs: number | undefined
}

/** The question that a hop was asked, until it is answered. */
interface Asked {
  readonly identifier: number
  readonly ephemeral: EphemeralKey
  readonly at: number
}

/** A hop as its circuit's owner sees it. */
export class Hop implements HopStatus {
  readonly name: string
  readonly address: IpAddress
  readonly publicKey: PublicKey
  readonly culvert: boolean
  state: HopState = 'waiting'
  latencyMs: number | undefined
  asked: Asked | undefined
  /** Both there once the hop has answered. */
  sealer: LayerSealer | undefined
  opener: LayerOpener | undefined

  constructor(hop: PathHop) {
    this.name = hop.name
    this.address = hop.address
    this.publicKey = hop.publicKey
    this.culvert = hop.culvert ?? false
  }

  ask(identifier: number, ephemeral: EphemeralKey, now: number): void {
    this.asked = { identifier, ephemeral, at: now }
    this.state = 'extending'
  }

  /**
   * Takes created or extended. The auth value shows that the answer is to our question; that it is this hop's is proven
   * by the first layer that opens (FACTS "mendable on our side").
   * @throws CodecError `handshake-low-order`; CulvertError `handshake-auth`
   */
  answer(
    asked: Asked,
    answer: { readonly dhKey: Uint8Array; readonly auth: Uint8Array },
    aead: Aead,
    firstCounter: number,
    now: number,
  ): void {
    const keys: SessionKeys = complete(asked.ephemeral, this.publicKey.x25519, answer.dhKey, answer.auth)
    this.sealer = new LayerSealer(aead, keys.forwardKey, keys.forwardSalt, firstCounter)
    this.opener = new LayerOpener(aead, keys.backwardKey, keys.backwardSalt)
    this.asked = undefined
    this.latencyMs = now - asked.at
    this.state = 'unproven'
  }
}
