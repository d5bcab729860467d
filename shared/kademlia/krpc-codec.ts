import {
  type Bencodable,
  type BencodeDictionary,
  Bencoded,
  decodeDictionary,
  encodeBencode,
} from '../bytes/bencode.ts'
import { CodecError } from '../bytes/error.ts'
import type { Family } from './api.ts'
import { compactAddress, compactNodes, readCompactAddress, readCompactNodes } from './compact.ts'
import { ID_BYTES } from './constants.ts'
import {
  type KrpcBadQuery,
  type KrpcError,
  type KrpcMessage,
  type KrpcQuery,
  type KrpcResponse,
  MAX_CONTACTS,
  MAX_DATAGRAM_BYTES,
  MAX_SAMPLES,
  MAX_TOKEN_BYTES,
  MAX_TRANSACTION_BYTES,
  MAX_VALUES,
} from './krpc.ts'
import { encodeRequest, readRequest } from './krpc-request.ts'
import { readItem } from './wire-item.ts'

const MAX_ERROR_CHARACTERS = 100
const MAX_VERSION_BYTES = 8
const MAX_CODE = 9_999
/** BEP 51. */
const MAX_SAMPLE_INTERVAL_SECONDS = 21_600
/** `1:p` and the shortest length, as padding stands in a query. */
const PADDING_OVERHEAD_BYTES = 5

/** A whole datagram. @throws CodecError for what cannot be written, a fault of ours */
export function encodeKrpc(message: KrpcQuery | KrpcResponse | KrpcError): Uint8Array {
  const envelope = { t: message.transaction, v: 'version' in message ? message.version : undefined }
  switch (message.kind) {
    case 'query': {
      const a = encodeRequest(message.request, message.paddingBytes ?? 0)
      return encodeBencode({
        ...envelope,
        y: 'q',
        q: message.request.method,
        a,
        ro: message.readOnly ? 1 : undefined,
      })
    }
    case 'response':
      return encodeBencode({
        ...envelope,
        y: 'r',
        r: encodeResponse(message),
        ip: message.ip && compactAddress(message.ip),
      })
    case 'error': {
      const e = [message.code, message.message.slice(0, MAX_ERROR_CHARACTERS)]
      return encodeBencode({ ...envelope, y: 'e', e, ip: message.ip && compactAddress(message.ip) })
    }
  }
}

/** The `paddingBytes` that make the query's datagram at least `bytes` long; 0 if it is anyway. */
export function paddingFor(query: KrpcQuery, bytes: number): number {
  const bare = encodeKrpc({ ...query, paddingBytes: 0 })
  return Math.max(0, bytes - bare.length - PADDING_OVERHEAD_BYTES)
}

/**
 * What a datagram says. Byte strings are views of it. Unknown keys are passed over, as BEP 5 wants.
 * @throws CodecError `krpc-...`, `bencode-...`: not to be answered
 */
export function decodeKrpc(datagram: Uint8Array): KrpcMessage {
  if (datagram.length > MAX_DATAGRAM_BYTES)
    throw new CodecError('krpc-size', `a datagram of ${datagram.length} bytes`)
  const message = decodeDictionary(datagram)
  const transaction = message.string('t')
  if (!transaction || transaction.length < 1 || transaction.length > MAX_TRANSACTION_BYTES) {
    throw new CodecError('krpc-transaction', 'no transaction id, or one that is too long')
  }
  const [kind, more] = message.string('y') ?? []
  if (more !== undefined) throw new CodecError('krpc-kind', 'a message of an unknown kind')
  if (kind === 0x71) return readQuery(message, transaction)
  if (kind === 0x72) return readResponse(message, transaction)
  if (kind === 0x65) return readError(message, transaction)
  throw new CodecError('krpc-kind', 'a message of an unknown kind')
}

function readQuery(message: BencodeDictionary, transaction: Uint8Array): KrpcQuery | KrpcBadQuery {
  const request = readRequest(message)
  if (typeof request === 'number') return { kind: 'bad-query', transaction, code: request }
  return {
    kind: 'query',
    transaction,
    request,
    ...(message.integer('ro') === 1 ? { readOnly: true } : {}),
    ...versionOf(message),
  }
}

function encodeResponse(response: KrpcResponse): Bencodable {
  const { nodes, nodes6, values, item, samples } = response
  return {
    id: response.id,
    nodes: nodes && compactNodes(nodes, 'ipv4'),
    nodes6: nodes6 && compactNodes(nodes6, 'ipv6'),
    values: values?.map(compactAddress),
    token: response.token,
    v: item && new Bencoded(item.value),
    k: item?.publicKey,
    sig: item?.signature,
    seq: item?.sequence ?? response.sequence,
    samples: samples && joined(samples),
    num: response.sampleTotal,
    interval: response.sampleIntervalSeconds,
  }
}

function readResponse(message: BencodeDictionary, transaction: Uint8Array): KrpcResponse {
  const r = message.dictionary('r')
  const id = r?.string('id')
  if (!r || id?.length !== ID_BYTES) throw new CodecError('krpc-response', 'an answer without a node id')
  const token = r.string('token')
  if (token && token.length > MAX_TOKEN_BYTES)
    throw new CodecError('krpc-token', `a token of ${token.length} bytes`)
  const values = r.list('values')
  const item = readItem(r)
  const sequence = r.integer('seq')
  const ip = readCompactAddress(message.string('ip') ?? new Uint8Array())
  return {
    kind: 'response',
    transaction,
    id,
    ...nodesOf(r, 'nodes', 'ipv4'),
    ...nodesOf(r, 'nodes6', 'ipv6'),
    ...(values && { values: addressesOf(values) }),
    ...(token && { token }),
    ...(item && { item }),
    ...(sequence !== undefined && { sequence }),
    ...samplesOf(r),
    ...(ip && { ip }),
    ...versionOf(message),
  }
}

function nodesOf(r: BencodeDictionary, key: 'nodes' | 'nodes6', family: Family): object {
  const bytes = r.string(key)
  return bytes ? { [key]: readCompactNodes(bytes, family, MAX_CONTACTS) } : {}
}

/** What is no address among them is passed over: the rest may be good. */
function addressesOf(values: ReturnType<BencodeDictionary['list']> & object) {
  return values
    .slice(0, MAX_VALUES)
    .map((value) => (value instanceof Uint8Array ? readCompactAddress(value) : undefined))
    .filter((address) => address !== undefined)
}

function samplesOf(r: BencodeDictionary): object {
  const bytes = r.string('samples')
  if (!bytes) return {}
  if (bytes.length % ID_BYTES !== 0)
    throw new CodecError('krpc-samples', `${bytes.length} bytes of info hashes`)
  const samples: Uint8Array[] = []
  for (let at = 0; at < bytes.length && samples.length < MAX_SAMPLES; at += ID_BYTES) {
    samples.push(bytes.subarray(at, at + ID_BYTES))
  }
  const sampleIntervalSeconds = Math.min(Math.max(r.integer('interval') ?? 0, 0), MAX_SAMPLE_INTERVAL_SECONDS)
  return { samples, sampleTotal: Math.max(r.integer('num') ?? samples.length, 0), sampleIntervalSeconds }
}

function readError(message: BencodeDictionary, transaction: Uint8Array): KrpcError {
  const [code, text] = message.list('e') ?? []
  if (typeof code !== 'number' || code < 0 || code > MAX_CODE)
    throw new CodecError('krpc-error', 'an error without a code')
  const bytes = text instanceof Uint8Array ? text.subarray(0, MAX_ERROR_CHARACTERS) : new Uint8Array()
  const ip = readCompactAddress(message.string('ip') ?? new Uint8Array())
  return {
    kind: 'error',
    transaction,
    code,
    message: String.fromCharCode(...bytes).replace(/[^\x20-\x7e]/g, '?'),
    ...(ip && { ip }),
  }
}

function versionOf(message: BencodeDictionary): { version?: Uint8Array } {
  const version = message.string('v')
  return version && version.length <= MAX_VERSION_BYTES ? { version } : {}
}

function joined(samples: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(samples.length * ID_BYTES)
  for (const [i, sample] of samples.entries()) bytes.set(sample, i * ID_BYTES)
  return bytes
}
