import type { PageCommand } from '../engine/engine-client.ts'
import type { CircuitView, EngineView, FileView, Hops, TorrentView } from '../engine/protocol.ts'
import type { RelaysView } from '../engine/relays-protocol.ts'
import type { Intent, OpenRequest } from './intents.ts'
import type { Place } from './places.ts'
import type { ProblemCode } from './problems.ts'

/** All that the page shows: the engine's last view, and what only the page knows. */
export interface AppState {
  readonly view: EngineView | undefined
  /** Which page is before the visitor; a film goes on behind the others. */
  readonly place: Place
  /** Known of relays while they are looked at, and what was known when they were last. */
  readonly relays: RelaysView | undefined
  /** The hops that the visitor chose; the view's follow when the engine has heard. */
  readonly hops: Hops
  /** What the visitor opened; undefined on the start page. */
  readonly request: OpenRequest | undefined
  /** A problem that the page itself noticed. */
  readonly reported: ProblemCode | undefined
  /** What keeps anything at all from being watched, until the page is loaded anew. */
  readonly broken: ProblemCode | undefined
  /** The lasting or the engine's problem that the visitor has put aside; shown again when it returns after having gone. */
  readonly dismissed: ProblemCode | undefined
  /** Addresses under /media/ are answered: the service worker is in charge of this page. */
  readonly mediaReady: boolean
  /** Counts the visitor's wishes to go on after a failure; the player asks for the film anew at each. */
  readonly attempt: number
  /** Address of the file that has begun to play. */
  readonly playingUrl: string | undefined
}

export type Action =
  | { readonly type: 'view'; readonly view: EngineView }
  | { readonly type: 'known-relays'; readonly relays: RelaysView }
  | { readonly type: 'media-ready' }
  | { readonly type: 'broken'; readonly code: ProblemCode }
  | { readonly type: 'go'; readonly place: Place }
  | Intent

export function initialState(hops: Hops): AppState {
  return {
    view: undefined,
    place: 'film',
    relays: undefined,
    hops,
    request: undefined,
    reported: undefined,
    broken: undefined,
    dismissed: undefined,
    mediaReady: false,
    attempt: 0,
    playingUrl: undefined,
  }
}

export function reduce(state: AppState, action: Action): AppState {
  switch (action.type) {
    case 'view':
      return withView(state, action.view)
    case 'known-relays':
      return { ...state, relays: action.relays }
    case 'media-ready':
      return { ...state, mediaReady: true }
    case 'broken':
      return { ...state, broken: action.code }
    case 'go':
      return { ...state, place: action.place }
    case 'open':
      return {
        ...state,
        request: action.request,
        reported: undefined,
        dismissed: state.view?.problem?.code,
        playingUrl: undefined,
      }
    case 'stop':
      return { ...state, request: undefined, reported: undefined, playingUrl: undefined }
    case 'select-file':
      return { ...state, reported: undefined, playingUrl: undefined }
    case 'set-hops':
      return { ...state, hops: action.hops }
    case 'report':
      return { ...state, reported: action.code }
    case 'playing':
      return { ...state, playingUrl: action.url }
    case 'go-direct':
    case 'seed-hidden':
    case 'bridge':
    case 'relays':
      return state
    case 'dismiss-problem':
      return withoutReported(state) ?? aside(state)
    case 'new-circuit':
      return aside(state)
    case 'remedy': {
      if (action.action === 'choose-file') return withoutReported(state) ?? state
      const calm = {
        ...state,
        reported: undefined,
        dismissed: state.view?.problem?.code,
        attempt: state.attempt + 1,
      }
      return action.action === 'choose-another'
        ? { ...calm, request: undefined, playingUrl: undefined }
        : action.action === 'retry' && !isOfTheWay(problemOf(state))
          ? { ...calm, playingUrl: undefined }
          : calm
    }
  }
}

/** The page's own problem stands before the engine's, which nobody has seen meanwhile and which is not put aside with it. */
function withoutReported(state: AppState): AppState | undefined {
  return state.reported === undefined ? undefined : { ...state, reported: undefined }
}

function aside(state: AppState): AppState {
  return { ...state, reported: undefined, dismissed: state.broken ?? state.view?.problem?.code }
}

function withView(state: AppState, view: EngineView): AppState {
  const refused = view.problem?.code
  const gone = refused !== state.dismissed
  // A link or file that the engine cannot read sends the visitor back to where a better one can be given.
  const back = gone && (refused === 'magnet-malformed' || refused === 'torrent-malformed')
  return {
    ...state,
    view,
    request: back ? undefined : state.request,
    dismissed: gone && state.dismissed !== state.broken ? undefined : state.dismissed,
  }
}

/** What the engine is told when the visitor wants something, in the state before it. */
export function commandsFor(state: AppState, intent: Intent): readonly PageCommand[] {
  switch (intent.type) {
    case 'open':
      return [
        ...(state.request === undefined ? [] : [{ type: 'close-torrent' } as const]),
        openCommand(intent.request),
      ]
    case 'stop':
      return [{ type: 'close-torrent' }]
    case 'select-file':
      return [{ type: 'select-file', index: intent.index }]
    case 'set-hops':
      return intent.hops === state.hops ? [] : [{ type: 'set-hops', hops: intent.hops }]
    case 'new-circuit':
      return [{ type: 'new-circuit' }]
    case 'seed-hidden':
      return [{ type: 'seed-hidden', on: intent.on }]
    case 'bridge':
    case 'relays':
      return [intent.command]
    case 'remedy':
      return remedyCommands(state, intent.action)
    case 'report':
    case 'playing':
    case 'go-direct':
    case 'dismiss-problem':
      return []
  }
}

function remedyCommands(
  state: AppState,
  action: Extract<Intent, { type: 'remedy' }>['action'],
): PageCommand[] {
  switch (action) {
    case 'retry':
      // Where the way is at fault, the torrent and what has arrived of it stay as they are.
      return state.request === undefined || isOfTheWay(problemOf(state))
        ? [{ type: 'new-circuit' }]
        : [{ type: 'close-torrent' }, openCommand(state.request)]
    case 'choose-another':
      return state.request === undefined ? [] : [{ type: 'close-torrent' }]
    case 'new-circuit':
      return [{ type: 'new-circuit' }]
    case 'choose-file':
    case 'reload':
      return []
  }
}

/** The circuit is at fault, not the torrent: what has arrived stays, and there is another way. */
export function isOfTheWay(code: ProblemCode | undefined): boolean {
  return code === 'no-relay' || code === 'no-exit' || code === 'no-circuit' || code === 'network-degraded'
}

function openCommand(request: OpenRequest): PageCommand {
  switch (request.kind) {
    case 'sample':
      return { type: 'open-sample' }
    case 'magnet':
      return { type: 'open-magnet', uri: request.uri }
    case 'torrent':
      return { type: 'open-torrent', file: request.file }
  }
}

/** The problem to show, if any: what the page noticed is nearer to the visitor than what the engine says. */
export function problemOf(state: AppState): ProblemCode | undefined {
  if (state.reported !== undefined) return state.reported
  const code = state.broken ?? state.view?.problem?.code
  return code === state.dismissed ? undefined : code
}

/** The circuit that carries the film, or the one being built to do so. */
export function primaryOf(view: EngineView | undefined): CircuitView | undefined {
  const primaries = view?.circuits.filter((circuit) => circuit.role === 'primary') ?? []
  return (
    primaries.find((circuit) => circuit.state === 'ready') ??
    primaries.find((circuit) => circuit.state === 'building')
  )
}

export function standbyOf(view: EngineView | undefined): CircuitView | undefined {
  const standbys = view?.circuits.filter((circuit) => circuit.role === 'standby') ?? []
  return standbys.find((circuit) => circuit.state === 'ready') ?? standbys[0]
}

/** How far the way to the first picture has come. */
export type Stage =
  | 'starting'
  | 'reaching-relay'
  | 'building'
  | 'finding-peers'
  | 'fetching-metadata'
  | 'choosing'
  | 'filling'
  | 'playing'

export function stageOf(state: AppState): Stage {
  const view = state.view
  if (view === undefined) return 'starting'
  const film = filmOf(view.torrent)
  if (film !== undefined && film.url === state.playingUrl) return 'playing'
  const primary = primaryOf(view)
  if (primary === undefined && view.entry.state !== 'open') return 'reaching-relay'
  if (primary?.state !== 'ready') return 'building'
  const torrent = view.torrent
  if (torrent === undefined || torrent.state === 'finding-peers') return 'finding-peers'
  if (torrent.state === 'fetching-metadata') return 'fetching-metadata'
  return film === undefined ? 'choosing' : 'filling'
}

/** The file being watched, when it is one that a player can take. */
export function filmOf(torrent: TorrentView | undefined): FileView | undefined {
  if (torrent?.selected === undefined) return undefined
  const file = torrent.files.find(({ index }) => index === torrent.selected)
  return file?.kind === 'video' || file?.kind === 'audio' ? file : undefined
}
