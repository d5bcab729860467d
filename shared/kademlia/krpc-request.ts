import { type Bencodable, type BencodeDictionary, Bencoded } from '../bytes/bencode.ts'
import { CodecError } from '../bytes/error.ts'
import type { Family } from './api.ts'
import { ID_BYTES } from './constants.ts'
import { type KrpcRequest, MAX_TOKEN_BYTES } from './krpc.ts'
import { readItem } from './wire-item.ts'

/** The methods of the DHT: what stands in a query's `q` and `a`. */

const PROTOCOL_ERROR = 203
const UNKNOWN_METHOD = 204
/** BEP 32. */
const WANT: Record<Family, string> = { ipv4: 'n4', ipv6: 'n6' }

/** The arguments (`a`), with that much padding under `p`. */
export function encodeRequest(request: KrpcRequest, paddingBytes: number): Bencodable {
  const p = paddingBytes > 0 ? new Uint8Array(paddingBytes) : undefined
  const { id } = request
  switch (request.method) {
    case 'ping':
      return { id, p }
    case 'find_node':
    case 'sample_infohashes':
      return { id, target: request.target, want: wantOf(request.want), p }
    case 'get_peers':
      return { id, info_hash: request.target, want: wantOf(request.want), p }
    case 'announce_peer': {
      const { port, token } = request
      // Without a port, what stands there means nothing but must be one.
      return {
        id,
        info_hash: request.target,
        port: port ?? 1,
        implied_port: port === undefined ? 1 : 0,
        token,
        p,
      }
    }
    case 'get': {
      const { target, want, sequence, token } = request
      return { id, target, want: wantOf(want), seq: sequence, token, p }
    }
    case 'put': {
      const { token, item, salt, cas } = request
      const mutable = {
        k: item.publicKey,
        seq: item.sequence,
        sig: item.signature,
        salt: salt?.length ? salt : undefined,
      }
      return { id, token, v: new Bencoded(item.value), ...mutable, cas, p }
    }
  }
}

/** The request of a query, or the error code to answer it with. Nothing is thrown: who asks nonsense is told so. */
export function readRequest(message: BencodeDictionary): KrpcRequest | 203 | 204 {
  try {
    const a = message.dictionary('a')
    const name = message.string('q')
    if (!a || !name) return PROTOCOL_ERROR
    return requestOf(String.fromCharCode(...name), a)
  } catch (error) {
    if (error instanceof CodecError) return PROTOCOL_ERROR
    throw error
  }
}

function requestOf(method: string, a: BencodeDictionary): KrpcRequest | 204 {
  const id = idOf(a, 'id')
  switch (method) {
    case 'ping':
      return { method, id }
    case 'find_node':
    case 'sample_infohashes':
      return { method, id, target: idOf(a, 'target'), ...wanted(a) }
    case 'get_peers':
      return { method, id, target: idOf(a, 'info_hash'), ...wanted(a) }
    case 'announce_peer':
      return { method, id, target: idOf(a, 'info_hash'), token: tokenOf(a), ...portOf(a) }
    case 'get': {
      const sequence = a.integer('seq')
      const token = a.string('token')
      return {
        method,
        id,
        target: idOf(a, 'target'),
        ...wanted(a),
        ...(sequence !== undefined && { sequence }),
        ...(token && token.length <= MAX_TOKEN_BYTES && { token }),
      }
    }
    case 'put':
      return putOf(a, id)
    default:
      return unknownOf(a, id)
  }
}

/** A method of a later day that has a target is answered with nodes, so that lookups for it find their way through us. */
function unknownOf(a: BencodeDictionary, id: Uint8Array): KrpcRequest | 204 {
  const target = a.string('target') ?? a.string('info_hash')
  return target?.length === ID_BYTES ? { method: 'find_node', id, target, ...wanted(a) } : UNKNOWN_METHOD
}

function putOf(a: BencodeDictionary, id: Uint8Array): KrpcRequest {
  const item = readItem(a)
  if (!item) throw new CodecError('krpc-item', 'put without a value')
  const salt = a.string('salt')
  const cas = a.integer('cas')
  return {
    method: 'put',
    id,
    token: tokenOf(a),
    item,
    ...(salt && { salt }),
    ...(cas !== undefined && { cas }),
  }
}

function idOf(a: BencodeDictionary, key: string): Uint8Array {
  const id = a.string(key)
  if (id?.length !== ID_BYTES) throw new CodecError('krpc-request', 'no 20 bytes where an id belongs')
  return id
}

function tokenOf(a: BencodeDictionary): Uint8Array {
  const token = a.string('token')
  if (!token || token.length > MAX_TOKEN_BYTES)
    throw new CodecError('krpc-token', 'no token, or one that is too long')
  return token
}

function portOf(a: BencodeDictionary): { port?: number } {
  const implied = a.integer('implied_port')
  if (implied !== undefined && implied !== 0) return {}
  const port = a.integer('port')
  if (port === undefined || port < 1 || port > 0xffff) throw new CodecError('krpc-request', 'no port')
  return { port }
}

function wantOf(want: readonly Family[] | undefined): string[] | undefined {
  return want?.map((family) => WANT[family])
}

/** Families that we do not know, or a `want` that is no list, are passed over. */
function wanted(a: BencodeDictionary): { want?: readonly Family[] } {
  const names = a
    .list('want')
    ?.map((each) => (each instanceof Uint8Array ? String.fromCharCode(...each.subarray(0, 4)) : ''))
  if (!names) return {}
  return { want: (['ipv4', 'ipv6'] as const).filter((family) => names.includes(WANT[family])) }
}
