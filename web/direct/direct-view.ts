import type { TorrentView } from '../engine/protocol.ts'
import type { TorrentSource } from '../engine/torrent-source.ts'

/** What the page of direct mode knows of its engine. The engine itself is loaded after consent alone. */

export type DirectProblem =
  | 'magnet-malformed'
  | 'torrent-malformed'
  | 'not-a-torrent-file'
  | 'no-peers'
  | 'not-playable'
  | 'playback-broke'
  | 'media-unavailable'
  | 'save-refused'
  | 'storage-full'
  | 'memory-full'
  | 'engine-failed'

export interface DirectView {
  readonly torrent: TorrentView | undefined
  readonly problem: DirectProblem | undefined
  /** Addresses under /media/ are answered. */
  readonly mediaReady: boolean
}

export interface DirectEngine {
  /** Closes what is open and opens this. What goes wrong becomes the view's problem. */
  open(source: TorrentSource): Promise<void>
  /** Which file is watched. */
  select(index: number): void
  /** Resolves when the torrent's connections are closed. */
  close(): Promise<void>
}

interface ProblemWords {
  readonly title: string
  readonly advice: string
}

export const directProblems: Readonly<Record<DirectProblem, ProblemWords>> = {
  'magnet-malformed': {
    title: 'This magnet link cannot be read',
    advice: 'Copy the whole link again, from “magnet:?” to its very end.',
  },
  'torrent-malformed': {
    title: 'This torrent cannot be read',
    advice: 'It is damaged, or it is not a torrent. Take another link or file.',
  },
  'not-a-torrent-file': {
    title: 'That is not a torrent file',
    advice: 'Choose a file that ends in .torrent and is smaller than 8 MB, or paste a magnet link.',
  },
  'no-peers': {
    title: 'Nobody who shares this can be reached from a browser',
    advice:
      'A browser by itself meets only peers that speak WebRTC, and web seeds; most torrents have neither. Through a circuit the whole swarm can be reached.',
  },
  'not-playable': {
    title: 'This browser cannot play that file',
    advice: 'Save the file and open it in a video player, or watch another file of the torrent.',
  },
  'playback-broke': {
    title: 'The film stopped arriving',
    advice: 'Playback was interrupted several times in a row. Open it again to go on.',
  },
  'media-unavailable': {
    title: 'Nothing can be played or saved in this window',
    advice: 'Open this page in a normal window, at an address that begins with https.',
  },
  'save-refused': {
    title: 'That file cannot be saved now',
    advice:
      'More is being saved at once than there is room for, or what has arrived cannot be read. Wait until another file has been saved, then save this one again.',
  },
  'storage-full': {
    title: 'There is no room left on this device',
    advice: 'Free some space, or choose a smaller file, then open it again.',
  },
  'memory-full': {
    title: 'This is too large for this window',
    advice:
      'The browser gives this window no room on the device, and in memory there is room for 512 MB. Choose a smaller file, or try a normal window.',
  },
  'engine-failed': {
    title: 'Direct mode stopped unexpectedly',
    advice: 'All its connections are closed. Stop direct mode, and begin again if you want to.',
  },
}
