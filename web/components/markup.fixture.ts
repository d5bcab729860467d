/** What a template says, without a document to render it in: static parts and values in their order, lists by their items. */
export function markup(value: unknown): string {
  if (value === undefined || value === null || typeof value === 'symbol') return ''
  if (Array.isArray(value)) return value.map(markup).join('')
  if (typeof value !== 'object') return typeof value === 'function' ? '' : String(value)
  const { strings, values } = value as { strings?: readonly string[]; values?: readonly unknown[] }
  if (strings) return strings.map((part, i) => part + markup(values?.[i])).join('')
  // `repeat`: the items, what tells them apart, and how each is shown.
  const [items, , show] = values ?? []
  if (!Array.isArray(items) || typeof show !== 'function') return ''
  return items.map((item) => markup(show(item))).join('')
}
