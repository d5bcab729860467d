/** The base of every error that Culvert throws on purpose: a stable `code` for programs, a message for people. */
export class CulvertError extends Error {
  /** Stable, in kebab-case, e.g. `codec-short`. Documented in docs/errors.md where users see it. */
  readonly code: string

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** Bytes from outside that are not what they should be. The only error a decoder throws. */
export class CodecError extends CulvertError {}
