/** Names of countries in the reader's language. */

const names = new Map<string, Intl.DisplayNames>()

/** `Germany` for `DE`; the code itself where the browser knows no name. */
export function countryName(code: string, locale = 'en'): string {
  let inLocale = names.get(locale)
  if (inLocale === undefined) {
    inLocale = new Intl.DisplayNames([locale], { type: 'region', fallback: 'code' })
    names.set(locale, inLocale)
  }
  try {
    return inLocale.of(code) ?? code
  } catch (error) {
    // What relays claim need not be a code at all.
    if (error instanceof RangeError) return code
    throw error
  }
}

/** Codes with their names, by name. */
export function countriesByName(codes: readonly string[]): readonly { code: string; name: string }[] {
  return codes
    .map((code) => ({ code, name: countryName(code) }))
    .sort((a, b) => a.name.localeCompare(b.name, 'en'))
}
