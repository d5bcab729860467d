import { readFileSync, writeFileSync } from 'node:fs'
import { type CoverBudget, NO_SIZE_CLASSES, SIZE_CLASSES, type SizeClasses } from '../shared/link/padding.ts'
import { type TrafficFigures, type TrafficOptions, watchTraffic } from '../shared/sim/traffic.ts'

// `npx tsx bench/padding.ts [--into docs/links.md]`: how well a watcher tells circuits apart, and what it costs to make it harder
// (L-09), as tables; into a document between the comments `padding figures` and `end of padding figures`. Takes about two minutes.

const SEEDS = [1, 2, 3, 4, 5]
const CIRCUITS = 16
const BYTES_PER_SECOND = 100_000

const into = process.argv.indexOf('--into')
const document = into < 0 ? undefined : process.argv[into + 1]

const CASES: Readonly<Record<string, Pick<TrafficOptions, 'carriage' | 'cover'>>> = {
  UDP: { carriage: 'datagrams' },
  'stream, no padding': { carriage: NO_SIZE_CLASSES },
  'stream, size classes (the default)': { carriage: SIZE_CLASSES },
  '... and cover, up to 20 kB/s a link and direction': { carriage: SIZE_CLASSES, cover: coverOf(20_000) },
  '... and cover, up to 100 kB/s a link and direction': { carriage: SIZE_CLASSES, cover: coverOf(100_000) },
}

const CLASS_SETS: readonly SizeClasses[] = [
  [512, 1_536, 4_096, 16_376],
  [1_536, 16_376],
  [256, 512, 1_536, 3_072, 6_144, 16_376],
  SIZE_CLASSES,
]

/** By the rate alone: the share is out of the way. */
function coverOf(bytesPerSecond: number): CoverBudget {
  return { bytesPerSecond, totalBytesPerSecond: Number.MAX_SAFE_INTEGER, share: 10 }
}

type Case = Pick<TrafficOptions, 'carriage' | 'cover' | 'seconds' | 'farLinks'>

/** The mean over all seeds. */
function measured(run: Case): TrafficFigures {
  const all = SEEDS.map((seed) =>
    watchTraffic({ ...run, seed, circuits: CIRCUITS, bytesPerSecond: BYTES_PER_SECOND }),
  )
  const mean = (of: (figures: TrafficFigures) => number) =>
    all.reduce((sum, figures) => sum + of(figures), 0) / all.length
  return {
    position: mean(({ position }) => position),
    bySizes: mean(({ bySizes }) => bySizes),
    byTiming: mean(({ byTiming }) => byTiming),
    cost: mean(({ cost }) => cost),
    cover: mean(({ cover }) => cover),
  }
}

const percent = (share: number) => `${Math.round(100 * share)} %`
const row = (...cells: string[]) => `| ${cells.join(' | ')} |`

function watcherTable(): string {
  const rows = Object.entries(CASES).map(([name, run]) => {
    const short = measured({ ...run, seconds: 5, farLinks: CIRCUITS })
    const long = measured({ ...run, seconds: 30, farLinks: CIRCUITS })
    const sharedShort = measured({ ...run, seconds: 5, farLinks: CIRCUITS / 4 })
    const shared = measured({ ...run, seconds: 30, farLinks: CIRCUITS / 4 })
    return row(
      name,
      percent(long.position),
      percent(long.bySizes),
      `${percent(short.byTiming)}, ${percent(long.byTiming)}`,
      `${percent(sharedShort.byTiming)}, ${percent(shared.byTiming)}`,
      `${percent(long.cost - 1)}`,
      percent(long.cover),
    )
  })
  const chance = row('by chance', '33 %', percent(1 / CIRCUITS), percent(1 / CIRCUITS), '25 %', '', '')
  return [
    row(
      `${CIRCUITS} circuits`,
      'position of a cell, by its size',
      'circuit followed by sizes, 30 s',
      'by timing, one circuit a link: 5 s, 30 s',
      'by timing, four circuits a link: 5 s, 30 s',
      'bytes on the wire beyond the cells’',
      'of these, cover',
    ),
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    chance,
  ].join('\n')
}

function classTable(): string {
  const rows = CLASS_SETS.map((carriage) => {
    const figures = measured({ carriage, seconds: 30, farLinks: CIRCUITS })
    const name = carriage.map((size) => size.toLocaleString('en')).join('; ')
    const chosen = carriage === SIZE_CLASSES ? ' (the default)' : ''
    return row(
      name + chosen,
      percent(figures.position),
      percent(figures.bySizes),
      `**${percent(figures.cost - 1)}**`,
    )
  })
  return [
    row('size classes, bytes', 'position', 'followed by sizes', 'bytes beyond the cells’'),
    '| --- | ---: | ---: | ---: |',
    ...rows,
  ].join('\n')
}

const text = [watcherTable(), classTable()].join('\n\n')
if (document === undefined) {
  console.log(text)
} else {
  const old = readFileSync(document, 'utf8')
  const between = /(<!-- padding figures -->\n)[\s\S]*?(<!-- end of padding figures -->)/
  if (!between.test(old)) throw new Error(`${document} has no place for the figures of padding`)
  writeFileSync(
    document,
    old.replace(between, (_all, start, end) => `${start}\n${text}\n\n${end}`),
  )
}
