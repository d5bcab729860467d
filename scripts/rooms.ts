/**
 * The lint of rooms: who may import whom, which packages a room may use, and what shared/ must never touch.
 * The rules are data at the top; `faultsOf` applies them to one file's text.
 */
import { posix } from 'node:path'
import { parseSync } from 'vite'

/** Rooms of shared/, lowest first: a room imports from itself and from rooms before it. */
export const roomOrder = [
  ...[
    'world',
    'bytes',
    'crypto',
    'identity',
    'geo',
    'ipv8',
    'kademlia',
    'ipv8-dht',
    'link',
    'utp',
    'onion',
    'stream',
    'directory',
    'trust',
    'discovery',
    'path',
    'hidden',
    'client',
    'sim',
  ],
] as const

/** Interfaces that a lower room keeps: their types may be imported from anywhere in shared/. */
const sharedContracts = ['shared/stream/byte-stream.ts']

/** npm packages that shipped code may import, per place. Test and fixture files may use any that is installed. */
const packagesAllowed: Record<string, readonly string[]> = {
  shared: ['@noble/*'],
  'relay-server': [
    ...['@achingbrain/nat-port-mapper', '@noble/*', 'mmdb-lib', 'sodium-native', 'ws', 'yaml', 'zod'],
    ...['node-datachannel', 'node-datachannel/polyfill', 'selfsigned', 'socks'],
    ...['bittorrent-dht', 'bittorrent-tracker', 'create-torrent', 'webtorrent'],
  ],
  web: [
    ...['@noble/*', 'idb', 'libsodium', 'lit', 'parse-torrent', 'simple-peer', 'streamx', 'webtorrent'],
    // what stands in for Node's modules under WebTorrent when the page is bundled
    ...['buffer', 'events', 'path-esm', 'node:buffer', 'node:events'],
    // drawn when the page is bundled
    'virtual:world-map',
  ],
}

/** Runs in Node when the page is built, never in the page. */
const buildTime = 'web/bundling/'

/** Files of web/ that the relay-server may know: the two contracts that both sides share. */
const webContracts = ['web/engine/site-document.ts', 'web/engine/protocol.ts']

const globalsRefused = new Set([
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'queueMicrotask'],
  ...['requestAnimationFrame', 'performance', 'fetch', 'WebSocket', 'crypto', 'process', 'Buffer', 'console'],
  ...['globalThis', 'localStorage', 'XMLHttpRequest', 'RTCPeerConnection'],
])
const callsRefused: Record<string, readonly string[]> = { Date: ['now'], Math: ['random'] }

export const maxLines = 400
/** Written in two halves, so that this file passes its own check. */
const unfinished = new RegExp(`\\b(${['TO', 'FIX'].map((a, i) => a + ['DO', 'ME'][i]).join('|')})\\b`)

/** A test, a fixture or a shared suite: may use Node and what is installed, and any room of shared/. */
export const isTestFile = (path: string): boolean => /\.(test|integration\.test|fixture)\.ts$/.test(path)

const roomNames: readonly string[] = roomOrder

interface SyntaxNode {
  type: string
  [key: string]: unknown
}
const isNode = (value: unknown): value is SyntaxNode =>
  typeof value === 'object' && value !== null && typeof (value as SyntaxNode).type === 'string'

function visit(
  node: SyntaxNode,
  parent: SyntaxNode | undefined,
  see: (node: SyntaxNode, parent?: SyntaxNode) => void,
) {
  see(node, parent)
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, node, see)
  }
}

interface Import {
  from: string
  typeOnly: boolean
}

function importOf(node: SyntaxNode): Import | undefined {
  if (!/^(Import(Declaration|Expression)|Export(Named|All)Declaration|TSImportType)$/.test(node.type))
    return undefined
  if (!isNode(node.source)) return undefined
  const named = Array.isArray(node.specifiers) ? node.specifiers.filter(isNode) : []
  const everyNameIsType = named.length > 0 && named.every((n) => (n.importKind ?? n.exportKind) === 'type')
  const typeOnly =
    [node.importKind, node.exportKind].includes('type') || node.type === 'TSImportType' || everyNameIsType
  return { from: typeof node.source.value === 'string' ? node.source.value : '(computed)', typeOnly }
}

/** True where an identifier is only the name of a member, as in `clock.fetch`, `{ fetch: 1 }` or `fetch(): void`. */
function isMemberName(node: SyntaxNode, parent: SyntaxNode | undefined): boolean {
  if (!parent || parent.computed === true) return false
  if (parent.type === 'MemberExpression') return parent.property === node
  if (parent.type === 'Property') return parent.key === node && parent.shorthand !== true
  if (parent.type === 'TSQualifiedName') return parent.right === node
  return (
    /^(MethodDefinition|PropertyDefinition|TSPropertySignature|TSMethodSignature)$/.test(parent.type) &&
    parent.key === node
  )
}

function refusedGlobal(node: SyntaxNode, parent: SyntaxNode | undefined): string | undefined {
  if (node.type === 'Identifier' && globalsRefused.has(String(node.name)) && !isMemberName(node, parent)) {
    return String(node.name)
  }
  if (node.type === 'MemberExpression' && isNode(node.object) && isNode(node.property)) {
    const [object, property] = [String(node.object.name), String(node.property.name ?? node.property.value)]
    if (callsRefused[object]?.includes(property)) return `${object}.${property}`
  }
  const bareDate = node.type === 'NewExpression' && isNode(node.callee) && node.callee.name === 'Date'
  return bareDate && Array.isArray(node.arguments) && node.arguments.length === 0 ? 'new Date()' : undefined
}

const placeOf = (path: string) => path.split('/')[0] ?? ''
const packageOf = (from: string) =>
  from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/')

function faultOfRelativeImport(path: string, { from, typeOnly }: Import): string | undefined {
  const target = posix.join(posix.dirname(path), from.replace(/\?.*$/, ''))
  const [here, there] = [placeOf(path), placeOf(target)]
  if (here === 'shared') {
    if (there !== 'shared')
      return isTestFile(path) && ['scripts', 'fixtures'].includes(there)
        ? undefined
        : `shared/ imports ${target}`
    if (isTestFile(path)) return undefined
    if (isTestFile(target)) return `shipped code imports the test file ${target}`
    const rank = (file: string) => roomNames.indexOf(file.split('/')[1] ?? '')
    if (rank(target) < 0 || rank(path) < 0) return `${target} or ${path} is in no room of the order`
    if (typeOnly && sharedContracts.includes(target)) return undefined
    return rank(target) > rank(path) ? `imports upwards, from ${target}` : undefined
  }
  // A page's link is tested against the gateway that it is made for.
  if (here === 'web' && there === 'relay-server')
    return isTestFile(path) ? undefined : `web/ imports ${target}`
  if (here === 'relay-server' && there === 'web') {
    if (!webContracts.includes(target)) return `relay-server/ imports ${target}`
    return typeOnly ? undefined : `relay-server/ imports more than types from ${target}`
  }
  return undefined
}

function faultOfImport(path: string, found: Import): string | undefined {
  if (found.from.startsWith('.')) return faultOfRelativeImport(path, found)
  const allowed = packagesAllowed[placeOf(path)]
  if (!allowed || isTestFile(path) || path.startsWith(buildTime)) return undefined
  if (placeOf(path) === 'relay-server' && found.from.startsWith('node:')) return undefined
  const name = packageOf(found.from)
  const fits = allowed.some((rule) =>
    rule.endsWith('/*') ? name.startsWith(rule.slice(0, -1)) : rule === name,
  )
  return fits ? undefined : `imports ${name}, which ${placeOf(path)}/ may not use`
}

/** Everything wrong with one file, as sentences; `path` is relative to the project's root, with forward slashes. */
export function faultsOf(path: string, text: string): string[] {
  const faults = new Set<string>()
  const lineCount = text.replace(/\n$/, '').split('\n').length
  if (lineCount > maxLines) faults.add(`has ${lineCount} lines, more than ${maxLines}`)
  const mark = unfinished.exec(text)
  if (mark) faults.add(`is unfinished: ${mark[0]}`)
  if (/\.(ts|mjs|js)$/.test(path)) {
    const { program, errors } = parseSync(path, text)
    for (const error of errors) faults.add(`does not parse: ${error.message}`)
    visit(program as unknown as SyntaxNode, undefined, (node, parent) => {
      const found = importOf(node)
      const fault = found && faultOfImport(path, found)
      if (fault) faults.add(fault)
      const refused = placeOf(path) === 'shared' && !isTestFile(path) && refusedGlobal(node, parent)
      if (refused) faults.add(`uses ${refused}: time, chance and I/O are handed in`)
    })
  }
  return [...faults]
}
