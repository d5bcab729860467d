import { ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex } from '../bytes/bytes.ts'
import { CheckRules, checkBits, checksOf, classOf, isValidKey, scoreOf } from './checks.ts'
import { ip, keyPairOf } from './town.fixture.ts'
import { CHECK_NAMES, type Checks, NO_CHECKS } from './verdict.ts'

const rules = new CheckRules()
const passed = (...names: string[]): Checks =>
  Object.fromEntries(CHECK_NAMES.map((name) => [name, names.includes(name)])) as unknown as Checks

describe('the five checks (D-06)', () => {
  it.each([
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '127.0.0.1',
    '169.254.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fc00::1',
    'fd12::1',
    'ff02::1',
    '2001:db8::1',
    '::ffff:11.0.0.1',
    '64:ff9b::b00:1',
    '2002:b00:1::',
    '4000::1',
  ])('take %s for no public address', (host) => expect(rules.isPublic(ip(host))).toBe(false))

  it.each(['11.0.0.1', '100.63.255.255', '172.32.0.1', '223.255.255.255', '2a01:4f8::1'])(
    'take %s for a public address',
    (host) => expect(rules.isPublic(ip(host))).toBe(true),
  )

  it('count what the operator allows as public: a lab', () => {
    const lab = new CheckRules({ allowNetworks: ['127.0.0.0/8'] })
    expect(lab.isPublic(ip('127.0.0.1'))).toBe(true)
    expect(lab.isLab(ip('127.0.0.1'))).toBe(true)
    expect(lab.isLab(ip('11.0.0.1'))).toBe(false)
    expect(lab.isPublic(ip('10.0.0.1'))).toBe(false)
  })

  it('take ports from 1,024 to 65,535', () => {
    expect([0, 1, 80, 1_023, 1_024, 7_000, 65_535, 65_536].map((port) => rules.isPort(port))).toEqual([
      ...[false, false, false, false],
      ...[true, true, true, false],
    ])
  })

  it('take 32 bytes that are a key somebody can have the secret of', () => {
    expect(isValidKey(keyPairOf(1).publicKey.ed25519)).toBe(true)
    expect(isValidKey(keyPairOf(1).publicKey.ed25519.subarray(1))).toBe(false)
    expect(isValidKey(keyPairOf(1).publicKey.bytes)).toBe(false)
    // Small order: the identity, 0, and -1; then no point, and a coordinate that is not reduced.
    for (const hex of [
      `01${'00'.repeat(31)}`,
      '00'.repeat(32),
      `ec${'ff'.repeat(30)}7f`,
      `02${'00'.repeat(31)}`,
      'ff'.repeat(32),
    ]) {
      expect(isValidKey(fromHex(hex))).toBe(false)
    }
    expect(ed25519.Point.fromBytes(fromHex(`01${'00'.repeat(31)}`)).isSmallOrder()).toBe(true)
  })
})

describe('score and classes (D-06)', () => {
  it('are a fifth for each check, and meet the thresholds to the last bit', () => {
    const scores = [0, 1, 2, 3, 4, 5].map((n) => passed(...CHECK_NAMES.slice(0, n)))
    expect(scores.map(scoreOf)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1])
    expect(scores.map((checks) => classOf(checks))).toEqual(['spy', 'spy', 'low', 'medium', 'high', 'high'])
  })

  it('do not depend on which checks passed, or in which order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...CHECK_NAMES]), (names) => {
        const checks = passed(...names)
        expect(scoreOf(checks)).toBe([0, 0.2, 0.4, 0.6, 0.8, 1][names.length])
        expect(checksOf(checkBits(checks))).toEqual(checks)
      }),
    )
  })

  it('call nobody a spy before all was looked at', () => {
    expect(classOf(NO_CHECKS)).toBe('unchecked')
    expect(classOf({ ...passed(), proof: undefined })).toBe('unchecked')
    expect(checksOf(0b00001, 0b00011)).toEqual({ ...NO_CHECKS, address: true, port: false })
  })

  it('can be set otherwise', () => {
    const strict = new CheckRules({ settings: { highFrom: 1, mediumFrom: 0.9, lowFrom: 0.85 } })
    expect(strict.classOf(passed(...CHECK_NAMES.slice(1)))).toBe('spy')
    expect(strict.classOf(passed(...CHECK_NAMES))).toBe('high')
  })
})
