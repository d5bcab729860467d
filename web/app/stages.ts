import type { Stage } from './app-state.ts'

export interface StageWords {
  readonly title: string
  readonly about: string
  /** How bright the end of the tunnel is meanwhile, 0 to 1. */
  readonly light: number
}

/** What is said on the way to the first picture. */
export const stageWords: Readonly<Record<Stage, StageWords>> = {
  starting: { title: 'Waking up', about: 'The page prepares its keys.', light: 0.05 },
  'reaching-relay': {
    title: 'Reaching the first relay',
    about: 'One of the few machines that see your address.',
    light: 0.15,
  },
  building: {
    title: 'Building the circuit',
    about: 'Relay by relay, each proving its key through the one before.',
    light: 0.35,
  },
  'finding-peers': {
    title: 'Looking for peers',
    about: 'Asked through the circuit, from the exit.',
    light: 0.55,
  },
  'fetching-metadata': {
    title: 'Fetching the list of files',
    about: 'A magnet link names a torrent; peers tell what is in it.',
    light: 0.7,
  },
  choosing: {
    title: 'Choose a file',
    about: 'Pick what to watch or save from the list of files.',
    light: 0.8,
  },
  filling: { title: 'The first pieces are coming', about: 'The film starts by itself.', light: 0.95 },
  playing: { title: 'Playing', about: '', light: 1 },
}
