import type { IpAddress } from '../../shared/bytes/address.ts'

/** A key for mutable items in tests: seed and public key, 32 bytes each. */
export interface ItemKey {
  readonly seed: Uint8Array
  readonly publicKey: Uint8Array
}

/** What a test does with a node of the DHT, whoever wrote it. Values and salts are ASCII; targets 20 bytes. */
export interface DhtNode {
  readonly address: IpAddress
  /** Nodes to begin from. */
  know(addresses: readonly IpAddress[]): void
  /** Tells the nodes near `infoHash` that there is a peer at this node's host and `port`; may go on after it has resolved. */
  announce(infoHash: Uint8Array, port: number): Promise<void>
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
