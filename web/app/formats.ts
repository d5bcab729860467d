/** Numbers in words for people, by the rules of their locale. */

const byteUnits = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const
type ByteUnit = (typeof byteUnits)[number]

/** Decimal units (1 kB = 1,000 bytes), as Intl has them, with about three significant digits: `7.42 MB`. */
export function formatBytes(bytes: number, locale?: string): string {
  const { value, unit } = scaled(bytes)
  return unitFormat(unit, value, locale).format(value)
}

/** A rate in bytes per second: `1.2 MB/s`. */
export function formatRate(bytesPerSecond: number, locale?: string): string {
  return `${formatBytes(bytesPerSecond, locale)}/s`
}

/** A length on a clock's face: `1:04`, `2:00:07`. */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.round(finite(seconds)))
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** A wait in at most two units, rounded as one speaks of it: `45 sec`, `3 min`, `2 hr 10 min`. */
export function formatWait(seconds: number, locale?: string): string {
  const whole = Math.max(0, Math.ceil(finite(seconds)))
  if (whole < 60) return unit('second', whole, locale)
  const minutes = Math.round(whole / 60)
  if (minutes < 60) return unit('minute', minutes, locale)
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60]
  if (hours >= 24) return unit('day', Math.round(hours / 24), locale)
  return rest === 0
    ? unit('hour', hours, locale)
    : `${unit('hour', hours, locale)} ${unit('minute', rest, locale)}`
}

/** `12 ms`; a second and more as `1.4 sec`. */
export function formatLatency(ms: number, locale?: string): string {
  if (ms >= 1000) {
    return new Intl.NumberFormat(locale, { style: 'unit', unit: 'second', maximumFractionDigits: 1 }).format(
      ms / 1000,
    )
  }
  return unit('millisecond', Math.max(ms > 0 ? 1 : 0, Math.round(ms)), locale)
}

/** Share of a whole, 0..1, rounded down so that 100 % is said only when all is here. */
export function formatShare(part: number, whole: number, locale?: string): string {
  return new Intl.NumberFormat(locale, { style: 'percent' }).format(share(part, whole))
}

/** Share of a whole in steps of one percent, rounded down; an empty whole is 0. */
export function share(part: number, whole: number): number {
  if (!(whole > 0)) return 0
  return Math.min(1, Math.max(0, Math.floor((part / whole) * 100) / 100))
}

/** `1,204`. */
export function formatCount(count: number, locale?: string): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }).format(count)
}

/** `1 peer`, `12 peers`. English, as the page's words are. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/** The language that a BCP 47 tag names, in the reader's own: `Deutsch` is `German` to an English reader. */
export function formatLanguage(tag: string, locale?: string): string {
  return new Intl.DisplayNames(locale === undefined ? [] : [locale], { type: 'language' }).of(tag) ?? tag
}

/** Names of torrents have dots where others have spaces: lines may break there. */
export function breakable(name: string): string {
  return name.replace(/[._]+/g, '$&\u200b')
}

function scaled(bytes: number): { value: number; unit: ByteUnit } {
  let value = Math.max(0, finite(bytes))
  let index = 0
  // 999.5 would be shown as 1,000 of the smaller unit.
  while (value >= 999.5 && index < byteUnits.length - 1) {
    value /= 1000
    index += 1
  }
  return { value, unit: byteUnits[index] ?? 'byte' }
}

function unitFormat(name: ByteUnit, value: number, locale?: string): Intl.NumberFormat {
  const digits = name === 'byte' || name === 'kilobyte' || value >= 100 ? 0 : value >= 10 ? 1 : 2
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: name,
    unitDisplay: name === 'byte' ? 'long' : 'short',
    maximumFractionDigits: digits,
  })
}

function unit(name: string, value: number, locale?: string): string {
  return new Intl.NumberFormat(locale, { style: 'unit', unit: name, maximumFractionDigits: 0 }).format(value)
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0
}
