function description(setup: string, digit: string): string {
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    `a=setup:${setup}`,
    'a=ice-ufrag:abcd',
    `a=ice-pwd:${'p'.repeat(24)}`,
    `a=fingerprint:sha-256 ${Array(32).fill(`${digit}${digit}`).join(':')}`,
    'a=sctp-port:5000',
  ]
  return `${lines.join('\r\n')}\r\n`
}

/** Session descriptions of a data channel, as browsers give them. */
export const OFFER = description('actpass', 'A')
export const ANSWER = description('active', 'B')
