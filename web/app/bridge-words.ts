import type { VolunteerLimits } from '../../shared/link/bridge-limits.ts'
import type { HelpView, VolunteerView } from '../engine/bridge-protocol.ts'
import { formatBytes, plural } from './formats.ts'

/** What the panel for the way through another visitor's page shows. */
export type HelpStage = 'hidden' | 'offer' | 'working' | 'linked'

/** Offered only where nothing else works; shown further once the visitor has agreed. */
export function helpStageOf(help: HelpView | undefined): HelpStage {
  if (help === undefined) return 'hidden'
  if (!help.agreed) return help.needed ? 'offer' : 'hidden'
  if (help.progress === 'linked') return 'linked'
  return help.needed || help.progress !== undefined ? 'working' : 'hidden'
}

/** What the one learns who passes you on, the relay, and you. Said before anything is asked. */
export const helpTells: readonly string[] = [
  'The other visitor learns your network address, when you are here and how much you fetch. Not what you watch: all of it is sealed for the relays.',
  'You learn the other visitor’s address.',
  'The site’s relay sees your address when you ask, as it did when you opened this page, and then the other visitor’s in place of yours. It counts how often your address asks for one minute, so that nobody asks too often, and keeps no other note of who asked.',
  'Anybody may offer this, also somebody who wants to know who asks.',
]

export function helpWords({ progress }: HelpView): string {
  switch (progress) {
    case 'linked':
      return 'Your connection goes through another visitor’s page.'
    case 'connecting':
      return 'Somebody was found. The way is being opened.'
    case 'nobody':
      return 'Nobody offers this at the moment. The page goes on asking.'
    case 'busy':
      return 'Too many are asking at the moment. The page asks again.'
    case 'failed':
      return 'That way did not open, or was lost. The page tries again.'
    case 'asking':
    case undefined:
      return 'Looking for somebody who offers it.'
  }
}

/** One limit that a volunteer may choose. */
export interface VolunteerChoice {
  readonly name: keyof VolunteerLimits
  readonly label: string
  readonly values: readonly number[]
  words(value: number): string
}

export const volunteerChoices: readonly VolunteerChoice[] = [
  {
    name: 'bytesPerSecond',
    label: 'Speed',
    values: [100_000, 250_000, 500_000, 1_000_000],
    words: (value) => `${formatBytes(value)}/s`,
  },
  {
    name: 'bytesPerDay',
    label: 'A day',
    values: [100_000_000, 500_000_000, 2_000_000_000, 10_000_000_000],
    words: (value) => formatBytes(value),
  },
  { name: 'people', label: 'At once', values: [1, 3, 5, 10], words: (value) => plural(value, 'visitor') },
]

export function volunteerLimits({ bytesPerSecond, bytesPerDay, mostPeople }: VolunteerView): VolunteerLimits {
  return { bytesPerSecond, bytesPerDay, people: mostPeople }
}

/** What a volunteer gives at the most, in one line. */
export function volunteerLimitWords({ bytesPerSecond, bytesPerDay, mostPeople }: VolunteerView): string {
  return `Up to ${formatBytes(bytesPerSecond)} a second each way, ${formatBytes(bytesPerDay)} a day and ${plural(mostPeople, 'visitor')} at once.`
}

/** How it goes now. */
export function volunteerWords(view: VolunteerView): string {
  const { on, elsewhere, ready, people, helped, bytesToday, bytesPerDay } = view
  if (elsewhere) return 'Another tab of this browser passes others on already. One is enough.'
  if (!on) return ''
  const given = bytesToday === 0 ? '' : ` ${formatBytes(bytesToday)} passed on today.`
  if (bytesToday >= bytesPerDay)
    return `Today’s part has been given: nobody is passed on until tomorrow.${given}`
  if (people > 0) return `Passing on ${plural(people, 'visitor')} now.${given}`
  if (!ready) return `Waiting for this page’s own link to the site’s relay.${given}`
  return `${helped === 0 ? 'Nobody has needed it so far.' : `Helped ${plural(helped, 'visitor')} on this visit.`}${given}`
}
