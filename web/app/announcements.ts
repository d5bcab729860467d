import { type AppState, primaryOf, problemOf, stageOf } from './app-state.ts'
import { stageWords } from './stages.ts'

/** What is being watched, by the best name known so far. */
export function titleOf({ request, view }: AppState): string {
  const named = view?.torrent?.name
  if (named !== undefined && named !== '') return named
  switch (request?.kind) {
    case 'sample':
      return view?.sample?.title ?? 'The sample film'
    case 'magnet':
      return request.name ?? 'From a magnet link'
    case 'torrent':
      return request.name
    case undefined:
      return ''
  }
}

/** For the browser's tab, and so for its history, which is no place for the name of what is watched. */
export function documentTitle(state: AppState): string {
  if (state.place === 'relays') return 'Relays · Culvert'
  return state.request === undefined ? 'Culvert' : 'Watching · Culvert'
}

/**
 * One sentence for screen readers about where things stand. It changes when a stage does, not with every number; problems
 * are not in it, they are alerts of their own.
 */
export function announcementOf(state: AppState): string {
  if (problemOf(state) !== undefined || state.place !== 'film') return ''
  const circuit = primaryOf(state.view)
  if (state.request === undefined) return circuit?.state === 'ready' ? 'A circuit is ready.' : ''
  const stage = stageOf(state)
  if (stage !== 'playing') return `${stageWords[stage].title}.`
  if (circuit?.state !== 'ready') return 'The circuit is being replaced. The film goes on.'
  const sees = state.view?.torrent?.swarmSees
  return sees === undefined ? 'The film plays.' : `The film plays. The swarm sees ${sees}.`
}
