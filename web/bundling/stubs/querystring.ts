type Scalar = string | number | boolean
type Query = Readonly<Record<string, Scalar | readonly Scalar[]>>

interface Options {
  /** How names and values are escaped; trackers need raw bytes escaped one by one. */
  readonly encodeURIComponent?: (text: string) => string
}

/** Node's `querystring.stringify`, as far as trackers use it. */
export function stringify(query: Query, _separator: null, _equals: null, options: Options = {}): string {
  const escapeText = options.encodeURIComponent ?? encodeURIComponent
  const pairs: string[] = []
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      pairs.push(`${escapeText(name)}=${escapeText(one == null ? '' : String(one))}`)
    }
  }
  return pairs.join('&')
}

export default { stringify }
