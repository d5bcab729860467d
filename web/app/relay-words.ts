import type { CheckName, ReasonCode, Standing, VerdictClass } from '../../shared/trust/verdict.ts'
import type { RelayRow, SearchMethod, SearchResult } from '../engine/relays-protocol.ts'
import { formatWait, plural } from './formats.ts'

/** Words for what is known of relays. */

export interface CheckWords {
  readonly title: string
  /** What it means that a relay passes. */
  readonly meaning: string
}

/** The five checks, in the order in which they are made (D-06). */
export const checkWords: Readonly<Record<CheckName, CheckWords>> = {
  address: {
    title: 'Public address',
    meaning: 'Its address belongs to the open internet, not to a home or a lab.',
  },
  port: {
    title: 'Ordinary port',
    meaning: 'It listens between 1024 and 65535, where no system service does.',
  },
  key: { title: 'Sound key', meaning: 'Its key is a real Ed25519 key, not one made to be broken.' },
  answer: { title: 'Answers', meaning: 'It replied within five seconds when asked.' },
  proof: {
    title: 'Proved itself',
    meaning: 'It signed a fresh challenge for this very address, so nobody stands in between.',
  },
}

export const checkResultWords = (passed: boolean | undefined): string =>
  passed === undefined ? 'not done yet' : passed ? 'passed' : 'failed'

export const standingWords: Readonly<Record<Standing, string>> = {
  trusted: 'Trusted',
  unproven: 'Not proven yet',
  suspect: 'Doubtful',
  blocked: 'Blocked',
}

/** What a standing means for the circuits. */
export const standingMeaning: Readonly<Record<Standing, string>> = {
  trusted: 'Circuits may use it anywhere.',
  unproven: 'Too little is known. Circuits use it rarely.',
  suspect: 'Used only where nothing better fits.',
  blocked: 'No circuit uses it.',
}

export const classWords: Readonly<Record<VerdictClass, string>> = {
  high: 'high',
  medium: 'medium',
  low: 'low',
  spy: 'a spy’s',
  unchecked: 'not checked yet',
}

/** Whether a reason speaks for a relay, against it, or for neither. */
export type ReasonSide = 'for' | 'against' | 'neutral'

export interface ReasonWords {
  readonly text: string
  readonly side: ReasonSide
}

const against = (text: string): ReasonWords => ({ text, side: 'against' })
const speaksFor = (text: string): ReasonWords => ({ text, side: 'for' })
const neutral = (text: string): ReasonWords => ({ text, side: 'neutral' })

export const reasonWords: Readonly<Record<ReasonCode, ReasonWords>> = {
  'not-checked': neutral('It has not been checked yet.'),
  'address-not-public': against('Its address is not one of the open internet.'),
  'port-not-allowed': against('It listens on a port that is kept for system services.'),
  'key-invalid': against('Its key is not a sound one.'),
  'no-answer': against('It does not answer in time.'),
  'no-proof': against('It has not proved that its address and key belong together.'),
  spy: against('It failed so many checks that it is taken for a spy.'),
  'altered-data': against('It was caught changing what passes through it.'),
  'wrong-address': against('Traffic leaves it from another address than it claims.'),
  'dropped-data': against('It loses data that it should pass on.'),
  'forged-proof': against('It answered with signatures that do not hold.'),
  'probe-only': against('It answers questions but carries no circuits.'),
  'over-promised': against('It carries far less than it promises.'),
  'circuits-fail': against('Circuits through it often fail.'),
  'often-away': against('It is often out of reach.'),
  'others-warn': against('Other relays warn of it.'),
  'blocked-by-hand': neutral('You blocked it.'),
  'trusted-by-hand': neutral('You trust it.'),
  'few-observations': neutral('Little has been seen of it so far.'),
  'told-by-others': neutral('This is what other relays found; this page has not checked it itself.'),
  'proved-key': speaksFor('It proved its key, at its address.'),
  'circuits-work': speaksFor('Circuits through it work.'),
  'keeps-promise': speaksFor('It carries the bandwidth that it promises.'),
  'long-up': speaksFor('It has been up steadily for days.'),
}

export const exitWords: Readonly<Record<RelayRow['exit'], string>> = {
  stream: 'Exit for films and all else',
  datagram: 'Exit for datagrams only',
  none: 'Passes on, lets nothing out',
}

export interface MethodWords {
  readonly title: string
  readonly meaning: string
}

/** Ways to look for relays; each says where its questions come out. */
export const methodWords: Readonly<Record<SearchMethod, MethodWords>> = {
  dht: {
    title: 'BitTorrent’s DHT',
    meaning: 'Millions of computers that keep one index. Asked at the exit, as BitTorrent programs ask.',
  },
  tracker: { title: 'Trackers', meaning: 'Servers that keep lists of who takes part. Asked at the exit.' },
  exchange: {
    title: 'Other relays',
    meaning: 'Relays of different networks, each asked through a circuit, and what they tell compared.',
  },
  bootstrap: { title: 'This site', meaning: 'The site’s own document, and what its relay knows.' },
}

const searchProblems: Readonly<Record<NonNullable<SearchResult['problem']>, string>> = {
  'no-circuit': 'There was no circuit to ask through.',
  'no-answer': 'Nobody answered.',
  'not-offered': 'This site names none.',
}

/** `3 new among 7, in 4 sec`. */
export function searchResultWords({ found, met, seconds, problem }: SearchResult): string {
  if (problem !== undefined) return searchProblems[problem]
  const took = `in ${formatWait(seconds)}`
  if (met === 0) return `No relay found, ${took}.`
  return found === 0
    ? `${plural(met, 'relay')}, all known before, ${took}.`
    : `${plural(met, 'relay')}, ${found} of them new, ${took}.`
}

/** Where a relay stands in the circuits of now: `Entry of circuit 1`. */
export function circuitWords(row: RelayRow): string {
  return row.circuits
    .map(({ circuit, position, last, primary }) => {
      const place = last ? 'exit' : position === 0 ? 'entry' : 'middle'
      return `${place} of ${primary ? 'your circuit' : `standby ${circuit}`}`
    })
    .join(', ')
}

/** What entry and others tell, as far as it can be compared. */
export function comparisonWords(asked: number, hidden: number, unconfirmed: number): string {
  if (asked === 0) return 'Not compared yet: other relays are asked as soon as there is a circuit.'
  const sources = `Compared with what ${plural(asked, 'other relay')} told through circuits`
  const kept =
    hidden === 0 ? 'your entry kept none back' : `${plural(hidden, 'relay')} that your entry did not tell of`
  const alone =
    unconfirmed === 0
      ? ''
      : ` ${plural(unconfirmed, 'relay')} known from one source alone: never entry or exit.`
  return `${sources}: ${kept}.${alone}`
}
