/** A community of these tests' own: 20 bytes. */
export const COMMUNITY = new Uint8Array(20).fill(0x6e)
