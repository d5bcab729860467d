/** Frames of the development bridge: one byte of kind, four of a stream's number, the rest as the kind says. */
export const FRAME = {
  open: 1,
  data: 2,
  end: 3,
  closed: 4,
  opened: 5,
  pause: 6,
  resume: 7,
  udpOpen: 8,
  udp: 9,
  udpClose: 10,
} as const

export function frame(
  kind: number,
  id: number,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(5 + payload.length)
  bytes[0] = kind
  new DataView(bytes.buffer).setUint32(1, id)
  bytes.set(payload, 5)
  return bytes
}

export function parseFrame(bytes: Uint8Array): { kind: number; id: number; payload: Uint8Array } {
  const id = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1)
  return { kind: bytes[0] as number, id, payload: bytes.subarray(5) }
}

/** `host port` in text, a zero byte, data. */
export function datagram(host: string, port: number, data: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(`${host} ${port}\0`)
  const bytes = new Uint8Array(text.length + data.length)
  bytes.set(text)
  bytes.set(data, text.length)
  return bytes
}

export function parseDatagram(bytes: Uint8Array): { host: string; port: number; data: Uint8Array } {
  const zero = bytes.indexOf(0)
  const [host = '', port = '0'] = new TextDecoder().decode(bytes.subarray(0, zero)).split(' ')
  return { host, port: Number(port), data: bytes.slice(zero + 1) }
}
