/**
 * Which session makes way where there is no room for one more: the oldest of whoever has the most, unless that is who asks.
 * @param held keys of sessions with whose they are, oldest first
 * @returns its key
 */
export function makesWay<Key, Owner>(held: Iterable<readonly [Key, Owner]>, asks: Owner): Key | undefined {
  const counts = new Map<Owner, { readonly oldest: Key; sessions: number }>()
  for (const [key, owner] of held) {
    const count = counts.get(owner)
    if (count) count.sessions++
    else counts.set(owner, { oldest: key, sessions: 1 })
  }
  let most = { sessions: (counts.get(asks)?.sessions ?? 0) + 1, oldest: undefined as Key | undefined }
  for (const count of counts.values()) if (count.sessions > most.sessions) most = count
  return most.oldest
}
