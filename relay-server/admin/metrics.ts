/** Names of the exposition format: letters, digits and underscores. */
function nameOf(path: readonly string[]): string {
  const words = path.map((part) => part.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase())
  return ['culvert', ...words].join('_').replace(/[^a-z0-9_]/g, '_')
}

/** Tables of the status whose keys are names of things: one metric with a label, in place of one for each. */
const LABELS: Readonly<Record<string, string>> = { counters: 'event', methods: 'method', kinds: 'kind' }

/** Lists of the status whose things have a `number`: the same, with the number. Other lists are left out. */
const NUMBERED: Readonly<Record<string, string>> = { neighbours: 'link' }

/**
 * A relay's status in Prometheus' text format 0.0.4 (D-08, K-10): each number and truth value under the name of its place; what is
 * counted since the start as one metric, the event its label. States in words, and what is not known, are left out.
 */
export function metricsOf(status: object): string {
  const metrics = new Map<string, string[]>()
  const add = (path: readonly string[], labels: string, value: number) => {
    const name = path[0] === 'counters' ? 'culvert_events_total' : nameOf(path)
    const lines = metrics.get(name)
    const line = `${name}${labels} ${value}`
    if (lines) lines.push(line)
    else metrics.set(name, [line])
  }
  const walk = (value: unknown, path: readonly string[], labels: string) => {
    if (typeof value === 'number' && Number.isFinite(value)) add(path, labels, value)
    else if (typeof value === 'boolean') add(path, labels, value ? 1 : 0)
    else if (Array.isArray(value)) {
      const label = labels === '' ? NUMBERED[path.at(-1) ?? ''] : undefined
      for (const each of label === undefined ? [] : value) {
        const { number, ...rest } = each as { readonly number: number }
        walk(rest, path, `{${label}="${number}"}`)
      }
    } else if (typeof value === 'object' && value !== null) {
      const label = labels === '' ? LABELS[path.at(-1) ?? ''] : undefined
      for (const [key, inner] of Object.entries(value)) {
        if (label === undefined) walk(inner, [...path, key], labels)
        else walk(inner, path, `{${label}="${key.replace(/["\\\n]/g, '_')}"}`)
      }
    }
  }
  walk(status, [], '')
  const text = [...metrics].map(([name, lines]) => {
    const kind = name.endsWith('_total') ? 'counter' : 'gauge'
    return `# TYPE ${name} ${kind}\n${lines.join('\n')}\n`
  })
  return text.join('')
}
