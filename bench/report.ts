/** One measured figure, set against something named that was measured in the same run. */
export interface Figure {
  readonly what: string
  readonly value: number
  readonly unit: string
  /** What it is a ratio of, and that thing's value in the same unit. */
  readonly against?: { readonly name: string; readonly value: number }
  /** The aim that the project set itself, in the same unit: at least (or, for times, at most). */
  readonly aim?: number
}

export interface Section {
  readonly title: string
  readonly figures: readonly Figure[]
}

function number(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** A section as a Markdown table: figure, ratio, what the ratio is to, aim. */
export function formatSection(section: Section): string {
  const rows = section.figures.map((figure) => {
    const { against } = figure
    const ratio = against ? `${number(figure.value / against.value)} x` : ''
    const aim = figure.aim === undefined ? '' : `${number(figure.aim)} ${figure.unit}`
    return `| ${figure.what} | ${number(figure.value)} ${figure.unit} | ${ratio} | ${against?.name ?? ''} | ${aim} |`
  })
  return [
    `## ${section.title}`,
    '',
    '| figure | value | ratio | to | aim |',
    '| --- | ---: | ---: | --- | ---: |',
    ...rows,
    '',
  ].join('\n')
}

/** The median of several runs: the figure to quote on a noisy machine. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const high = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2
}
