import { describe, expect, it } from 'vitest'
import { KeyPair } from '../identity/keys.ts'
import { SeededRandom } from '../sim/seeded-random.ts'
import { gatewayJudge } from './gateways.ts'

const { publicKey } = KeyPair.generate(new SeededRandom(1))
const judgeFrom = (...urls: string[]) => gatewayJudge(urls.map((url) => ({ publicKey, url })))

describe('gateways that descriptors name (L-01, W-03)', () => {
  const PRIVATE = [
    'ws://192.168.1.1/relay',
    'ws://10.0.0.1:8080/relay',
    'ws://169.254.169.254/relay',
    'ws://[fe80::1]/relay',
    'ws://[::ffff:10.0.0.1]/relay',
    'ws://127.1/relay',
    'ws://0x7f.1/relay',
    'ws://printer/relay',
    'ws://router.local/relay',
    'nonsense',
  ]

  it('are public ones', () => {
    const judge = judgeFrom('wss://relay.example.net/relay')
    const good = ['wss://other.example.org/relay', 'wss://93.184.216.34:8443/relay', 'wss://[2600::7]/relay']
    expect(good.filter((url) => !judge(url))).toEqual([])
    expect([...PRIVATE, 'ws://127.0.0.1:8080/relay', 'ws://localhost/relay'].filter(judge)).toEqual([])
  })

  it.each(['ws://127.0.0.11:8080/relay', 'ws://localhost:8080/relay', 'ws://[::1]:8080/relay'])(
    'may be of this machine where the page came from %s, and still of no other private one',
    (entry) => {
      const judge = judgeFrom(entry)
      expect(judge('ws://127.0.0.14:8081/relay')).toBe(true)
      expect(PRIVATE.filter(judge)).toEqual([])
    },
  )

  it('are judged alike where they are to introduce us by WebRTC', () => {
    const judge = judgeFrom('wss://relay.example.net/relay')
    expect(judge('webrtc+wss://other.example.org/relay')).toBe(true)
    expect(PRIVATE.map((url) => `webrtc+${url}`).filter(judge)).toEqual([])
    expect(judge('webrtc+webrtc+wss://other.example.org/relay')).toBe(false)
  })

  it('are none but the site’s own for a page that came by an onion service', () => {
    const own = `ws://${'a'.repeat(55)}d.onion/relay`
    const judge = judgeFrom(own)
    const others = ['wss://other.example.org/relay', `ws://${'b'.repeat(55)}d.onion/relay`, `webrtc+${own}`]
    expect(judge(own)).toBe(true)
    expect(others.filter(judge)).toEqual([])
  })

  it('are no loopback ones for a client that knows no relay, or one elsewhere', () => {
    expect(judgeFrom()('ws://127.0.0.14:8081/relay')).toBe(false)
    expect(judgeFrom('ws://127.0.0.1/relay', 'wss://a.example.net/relay')('ws://127.0.0.1/relay')).toBe(false)
  })
})
