import type { IpAddress } from '../../shared/bytes/address.ts'

/** A key for mutable items in tests: seed and public key, 32 bytes each. */
export interface ItemKey {
  readonly seed: Uint8Array
  readonly publicKey: Uint8Array
}

/** What a test does with a node of the DHT, whoever wrote it. Values and salts are ASCII; targets 20 bytes. */
export interface DhtNode {
  readonly address: IpAddress
  /** Nodes to begin from; resolves when one of them is in its table, where that can be told. */
  know(addresses: readonly IpAddress[]): Promise<void>
  /** Announces itself as a peer, and gives the `host:port` that is to be found; may go on after it has resolved. */
  announce(infoHash: Uint8Array): Promise<string>
  /** `host:port` of all peers that one lookup finds. */
  peers(infoHash: Uint8Array): Promise<string[]>
  /** How many nodes keep the value now. */
  put(value: string): Promise<number>
  putMutable(key: ItemKey, salt: string, value: string): Promise<number>
  /** What one lookup finds. */
  get(target: Uint8Array): Promise<string | undefined>
  getMutable(key: ItemKey, salt: string): Promise<string | undefined>
  /** Gone at once, without a word to others. */
  close(): Promise<void>
}
