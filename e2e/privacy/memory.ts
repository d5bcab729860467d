import { type FileHandle, open, readFile } from 'node:fs/promises'

export interface MemorySearchOptions {
  /** How much is read at a time, in bytes. */
  chunkBytes?: number
}

interface Region {
  start: number
  end: number
}

/** Kernel pages that are mapped but hold nothing of the process, or cannot be read. */
const notTheirs = /\[(vvar|vvar_vclock|vdso|vsyscall)\]$|\s\/dev\//

/** Readable regions of /proc/<pid>/maps; addresses of user space fit a double exactly (47 bits). */
function regionsOf(maps: string): Region[] {
  return maps.split('\n').flatMap((line) => {
    const [, start = '', end = '', readable] = /^([0-9a-f]+)-([0-9a-f]+) (r)/.exec(line) ?? []
    if (!readable || notTheirs.test(line)) return []
    return [{ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16) }]
  })
}

function countIn(chunk: Buffer, needle: Uint8Array, lastByteFrom: number): number {
  let count = 0
  for (let at = chunk.indexOf(needle); at >= 0; at = chunk.indexOf(needle, at + 1)) {
    // What ends within the overlap was counted with the chunk before.
    if (at + needle.length > lastByteFrom) count += 1
  }
  return count
}

/** Reads up to into.length bytes; 0 where a page is not there (a guard page, or a region that has gone meanwhile). */
async function readAt(memory: FileHandle, into: Buffer, position: number): Promise<number> {
  try {
    return (await memory.read(into, 0, into.length, position)).bytesRead
  } catch {
    return 0
  }
}

/**
 * Counts how often each needle stands in the memory of a running process (Linux; needs root, or the same user and leave to
 * trace). All readable regions are read, in chunks that overlap so that no needle falls between two.
 */
export async function searchProcessMemory(
  pid: number,
  needles: readonly Uint8Array[],
  { chunkBytes = 4 * 1024 * 1024 }: MemorySearchOptions = {},
): Promise<Map<Uint8Array, number>> {
  const counts = new Map(needles.map((needle) => [needle, 0]))
  const overlap = Math.max(...needles.map((needle) => needle.length)) - 1
  const buffer = Buffer.alloc(chunkBytes + overlap)
  const memory = await open(`/proc/${pid}/mem`, 'r')
  try {
    for (const { start, end } of regionsOf(await readFile(`/proc/${pid}/maps`, 'latin1'))) {
      let kept = 0
      for (let at = start; at < end; ) {
        const wanted = Math.min(chunkBytes, end - at)
        const got = await readAt(memory, buffer.subarray(kept, kept + wanted), at)
        if (got === 0) break
        const chunk = buffer.subarray(0, kept + got)
        for (const needle of needles)
          counts.set(needle, (counts.get(needle) ?? 0) + countIn(chunk, needle, kept))
        at += got
        const next = Math.min(overlap, chunk.length)
        buffer.copyWithin(0, chunk.length - next, chunk.length)
        kept = next
      }
    }
  } finally {
    await memory.close()
  }
  return counts
}
