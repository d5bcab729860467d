import { fileURLToPath } from 'node:url'

/** A path in the project's folder: this file lies two levels below it, in the sources as in the build. */
export function projectPath(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url))
}
