/** Milliseconds since 1970 of the first moment of the month that `wallMs` is in. @param startDay 1 to 28, UTC */
export function monthStart(wallMs: number, startDay: number): number {
  return startOf(wallMs, startDay, 0)
}

/** And of the month after it. */
export function nextMonthStart(wallMs: number, startDay: number): number {
  return startOf(wallMs, startDay, 1)
}

function startOf(wallMs: number, startDay: number, later: number): number {
  const date = new Date(wallMs)
  const month = date.getUTCMonth() - (date.getUTCDate() < startDay ? 1 : 0)
  return Date.UTC(date.getUTCFullYear(), month + later, startDay)
}
