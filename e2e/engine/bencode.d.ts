/** What of the package the tests use. */
declare module 'bencode' {
  const bencode: {
    decode(data: Uint8Array): unknown
    encode(value: unknown): Uint8Array
  }
  export default bencode
}
