const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission is missing',
  EPERM: 'the system does not permit it',
  ENOTDIR: 'what should be a folder on the way there is a file',
  EISDIR: 'it is a folder',
  ERR_FS_EISDIR: 'it is a folder',
  EEXIST: 'something else is in its place',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
}

/** Why the file system refused, in words for the operator. */
export function fileFault(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? String(error)
  return WORDS[code] ?? code
}
