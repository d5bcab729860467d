import type { Problem } from '../engine/protocol.ts'

/** What the engine reports, and what only the page itself can notice. */
export type ProblemCode =
  | Problem['code']
  | 'playback-broke'
  | 'not-a-torrent-file'
  | 'media-unavailable'
  | 'save-refused'

/** What the visitor can do about it; each is one button. */
export type ProblemAction = 'retry' | 'choose-another' | 'choose-file' | 'new-circuit' | 'reload'

export interface ProblemWords {
  readonly title: string
  readonly meaning: string
  readonly advice: string
  /** Most helpful first. */
  readonly actions: readonly ProblemAction[]
}

const words: Readonly<Record<ProblemCode, ProblemWords>> = {
  'no-relay': {
    title: 'No relay can be reached',
    meaning: 'Culvert could not connect to any of the relays it knows, so there is no way into the tunnel.',
    advice:
      'Check that this device is online. Culvert keeps trying by itself; nothing is sent around the tunnel.',
    actions: ['retry'],
  },
  'no-exit': {
    title: 'No exit relay is available',
    meaning: 'Relays answer, but none of them lets traffic out to the swarm at the moment.',
    advice: 'Wait a little and try again. Exits come and go; their operators choose to be one.',
    actions: ['retry', 'choose-another'],
  },
  'no-circuit': {
    title: 'The circuit could not be built',
    meaning: 'The relays chosen for this circuit did not all answer in time.',
    advice: 'Try again: other relays will be chosen. Fewer hops are easier to build, and protect less.',
    actions: ['new-circuit', 'choose-another'],
  },
  'network-degraded': {
    title: 'Anonymous routing is unavailable',
    meaning: 'The relay of this site is cut off from the network, so no circuit can be built from here.',
    advice:
      'It tries again every 30 seconds, and so does this page. Nothing is sent around the tunnel meanwhile.',
    actions: ['retry', 'choose-another'],
  },
  'magnet-malformed': {
    title: 'This magnet link cannot be read',
    meaning: 'It is cut short or names no torrent.',
    advice: 'Copy the whole link again, from “magnet:?” to its very end.',
    actions: ['choose-another'],
  },
  'torrent-malformed': {
    title: 'This torrent file cannot be read',
    meaning: 'The file is damaged, or it is not a torrent.',
    advice: 'Download the .torrent file again, or paste a magnet link instead.',
    actions: ['choose-another'],
  },
  'sample-unavailable': {
    title: 'The sample film cannot be opened yet',
    meaning: 'This site did not give its torrent file, which the page needs to find the film.',
    advice: 'The page keeps asking for it, and the film starts when it is here. Or watch something else.',
    actions: ['choose-another'],
  },
  'not-a-torrent-file': {
    title: 'That is not a torrent file',
    meaning: 'Culvert opens files that end in .torrent and are smaller than 8 MB.',
    advice: 'Choose another file, or paste a magnet link instead.',
    actions: ['choose-another'],
  },
  'no-peers': {
    title: 'Nobody is sharing this',
    meaning: 'The trackers and the network know of no one who has this torrent and can be reached.',
    advice: 'Leave it open and it will start when someone appears, or try another link.',
    actions: ['retry', 'choose-another'],
  },
  'not-playable': {
    title: 'This browser cannot play that file',
    meaning: 'The film arrives, but it is stored in a form that this browser has no decoder for.',
    advice: 'Save the file and open it in a video player, or watch another file of the torrent.',
    actions: ['choose-file', 'choose-another'],
  },
  'playback-broke': {
    title: 'The film stopped arriving',
    meaning: 'Playback was interrupted several times in a row.',
    advice: 'Take a new circuit and go on from where you were.',
    actions: ['new-circuit', 'choose-another'],
  },
  'media-unavailable': {
    title: 'Nothing can be played or saved in this window',
    meaning:
      'Culvert needs a part of the browser that is switched off here: in some private windows, and where the address of the page does not begin with https.',
    advice: 'Open this page in a normal window, at an address that begins with https.',
    actions: ['reload'],
  },
  'save-refused': {
    title: 'That file cannot be saved now',
    meaning: 'More is being saved at once than Culvert can give, or what has arrived cannot be read.',
    advice: 'Wait until another file has been saved, then save this one again.',
    actions: ['choose-file'],
  },
  'storage-full': {
    title: 'There is no room left on this device',
    meaning: 'The browser refuses to store more of this torrent.',
    advice: 'Free some space, or choose a smaller file, then try again.',
    actions: ['retry', 'choose-another'],
  },
  'memory-full': {
    title: 'This is too large for this window',
    meaning:
      'The browser gives this window no room on the device, as in some private windows, and in memory there is room for 512 MB.',
    advice: 'Choose a smaller file, or open this page in a normal window or another browser.',
    actions: ['retry', 'choose-another'],
  },
  'engine-failed': {
    title: 'Culvert stopped unexpectedly',
    meaning: 'Something in the page itself failed. Nothing was sent around the tunnel.',
    advice: 'Reload the page. If it happens again, an up-to-date browser may help.',
    actions: ['reload'],
  },
}

export function problemWords(code: ProblemCode): ProblemWords {
  return words[code]
}

export const actionWords: Readonly<Record<ProblemAction, string>> = {
  retry: 'Try again',
  'choose-another': 'Open another',
  'choose-file': 'See the files',
  'new-circuit': 'New circuit',
  reload: 'Reload the page',
}
