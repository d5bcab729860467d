import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TOR_LINE_BYTES, TOR_REPLY_LINES } from './tor-constants.ts'
import { codeOf } from './tor-control.fixture.ts'
import { fieldsOf, quoted, TorReplies, type TorReply } from './tor-reply.ts'

function repliesIn(...chunks: (string | Uint8Array)[]): TorReply[] {
  const replies: TorReply[] = []
  const parser = new TorReplies((reply) => replies.push(reply))
  for (const chunk of chunks) parser.receive(Buffer.from(chunk as string))
  return replies
}

describe('replies of tor’s control port (L-02)', () => {
  it('reads lines, several lines and data, however they are cut', () => {
    const text =
      '250 OK\r\n250-ServiceID=abc\r\n250-PrivateKey=k\r\n250 OK\r\n250+ns/all=\r\nr one\r\n..dotted\r\n.\r\n250 OK\r\n' +
      '650 HS_DESC UPLOADED abc\r\n515 Authentication failed\r\n'
    const whole = [
      { status: 250, lines: ['OK'] },
      { status: 250, lines: ['ServiceID=abc', 'PrivateKey=k', 'OK'] },
      { status: 250, lines: ['ns/all=', 'r one', '.dotted', 'OK'] },
      { status: 650, lines: ['HS_DESC UPLOADED abc'] },
      { status: 515, lines: ['Authentication failed'] },
    ]
    expect(repliesIn(text)).toEqual(whole)
    expect(repliesIn(...text)).toEqual(whole)
  })

  it('refuses what no control port says', () => {
    const hostile = {
      'another protocol': 'HTTP/1.1 400 Bad Request\r\n',
      'an empty line': '\r\n',
      'a status out of range': '950 what\r\n',
      'a line without end': 'x'.repeat(TOR_LINE_BYTES + 1),
      'a long line': `250 ${'x'.repeat(TOR_LINE_BYTES)}\r\n`,
      'lines without end': '250-more\r\n'.repeat(TOR_REPLY_LINES + 1),
      'data without end': `250+data\r\n${'x\r\n'.repeat(TOR_REPLY_LINES + 1)}`,
      'much data': `250+data\r\n${`${'x'.repeat(16_000)}\r\n`.repeat(10)}`,
    }
    for (const [what, text] of Object.entries(hostile)) {
      expect(
        codeOf(() => repliesIn(text)),
        what,
      ).toBe('tor-control-protocol')
    }
  })

  it('takes any bytes without another error, and keeps no more than a line of them', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (chunks) => {
        expect([undefined, 'tor-control-protocol']).toContain(codeOf(() => repliesIn(...chunks)))
      }),
    )
  })

  it('reads back what it has quoted, in fields as PROTOCOLINFO has them', () => {
    expect(fieldsOf('AUTH METHODS=COOKIE,SAFECOOKIE COOKIEFILE="/run/tor/a \\"b\\\\c\\".cookie"')).toEqual(
      new Map([
        ['METHODS', 'COOKIE,SAFECOOKIE'],
        ['COOKIEFILE', '/run/tor/a "b\\c".cookie'],
      ]),
    )
    expect(fieldsOf('A="\\303\\244\\n"').get('A')).toBe('\xc3\xa4\n')
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        expect(fieldsOf(`KEY=${quoted(text)}`).get('KEY')).toBe(text)
      }),
    )
  })
})
