/** What one sample differs in from another. */
export interface SampleDescription {
  readonly setup?: 'actpass' | 'active'
  readonly ufrag?: string
  /** A hexadecimal digit: the fingerprint is 64 of it. */
  readonly digit?: string
  /** Lines at its end. */
  readonly more?: readonly string[]
}

/** The session description of a data channel without candidates, as browsers give it. */
export function sampleDescription(of: SampleDescription = {}): string {
  const { setup = 'actpass', ufrag = 'abcd', digit = 'A', more = [] } = of
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    `a=setup:${setup}`,
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${'p'.repeat(24)}`,
    `a=fingerprint:sha-256 ${Array(32).fill(`${digit}${digit}`).join(':')}`,
    'a=sctp-port:5000',
    ...more,
  ]
  return `${lines.join('\r\n')}\r\n`
}

export const OFFER = sampleDescription()
export const ANSWER = sampleDescription({ setup: 'active', digit: 'B' })
