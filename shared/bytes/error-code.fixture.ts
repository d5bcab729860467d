import { CodecError } from './error.ts'

/** The code of the CodecError that `run` throws; 'none' if it throws nothing. Other errors pass. */
export function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof CodecError) return error.code
    throw error
  }
  return 'none'
}
