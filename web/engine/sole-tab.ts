/**
 * Holds a name for this tab alone, among all of this origin in this browser (Web Locks). `taken` or `refused` is called once; at
 * once where the browser has no such locks, which are there in secure contexts only: each tab is by itself then.
 * @returns lets go of it; a tab that is closed has let go
 */
export function holdAlone(
  name: string,
  told: { taken(): void; refused(): void },
  locks: Pick<LockManager, 'request'> | undefined = globalThis.navigator?.locks,
): () => void {
  if (locks === undefined) {
    told.taken()
    return () => undefined
  }
  let wanted = true
  let release: () => void = () => undefined
  const held = (lock: Lock | null): Promise<void> | undefined => {
    if (!wanted) return undefined
    if (lock === null) {
      told.refused()
      return undefined
    }
    return new Promise((resolve) => {
      release = resolve
      told.taken()
    })
  }
  locks.request(name, { ifAvailable: true }, held).catch(() => {
    if (wanted) told.taken()
  })
  return () => {
    wanted = false
    release()
  }
}
