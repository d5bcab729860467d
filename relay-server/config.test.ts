import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ConfigError, parseConfig, type RelayConfig } from './config.ts'
import { portRangeOf } from './config-values.ts'

const DOCS = readFileSync(new URL('../docs/relay.md', import.meta.url), 'utf8')

function faultsOf(text: string): string {
  try {
    parseConfig(text, 'relay.yaml')
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as ConfigError).message
  }
  throw new Error('the configuration was taken')
}

/** `a.b` for every value; lists and absent groups count as one. */
function keysOf(value: object, prefix = ''): string[] {
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? keysOf(inner, `${prefix}${key}.`)
      : [prefix + key],
  )
}

describe('relay configuration (O-03)', () => {
  const example = /```yaml\n([\s\S]*?)```/.exec(DOCS)?.[1] ?? ''
  const documented = [...DOCS.matchAll(/^\| `([a-zA-Z0-9.]+)` +\|/gm)].map(([, key = '']) => key)

  it('takes an empty file, as no exit and without a gateway', () => {
    const config: RelayConfig = parseConfig('', 'relay.yaml')
    expect(config.exit.enabled).toBe(false)
    expect(config.gateway.enabled).toBe(false)
    expect(config.exit.allowNetworks).toEqual([])
    expect(config.logLevel).toBe('info')
    expect(config.udp).toMatchObject({ host: '::', port: 0, portMapping: true })
  })

  it('parses the full example of docs/relay.md', () => {
    const config = parseConfig(example, 'relay.yaml')
    expect(config.nickname).toBe('willow')
    expect(config.udp.publicHost).toBe('203.0.113.7')
    expect(config.bootstrap).toHaveLength(2)
    expect(portRangeOf(config.udp.portRange ?? '')).toEqual({ from: 6421, to: 6429 })
  })

  it('refuses a public URL that a descriptor could not carry', () => {
    for (const url of ['wss://a:99999/relay', 'https://a/relay', 'wss://a/else']) {
      expect(faultsOf(`gateway:\n  publicUrl: ${url}\n`)).toContain('gateway.publicUrl')
    }
    expect(
      parseConfig('gateway:\n  publicUrl: wss://a.example:8443/relay\n', 'x').gateway.publicUrl,
    ).toBeDefined()
  })

  it('documents every key, and the example names every key', () => {
    const keys = keysOf(parseConfig(example, 'relay.yaml'))
    expect(keys.length).toBeGreaterThan(30)
    expect(keys.filter((key) => !documented.includes(key))).toEqual([])
    expect(documented.filter((key) => key !== 'sample' && !keys.includes(key))).toEqual([])
  })

  it('documents the defaults that hold', () => {
    const defaults = parseConfig('', 'relay.yaml') as unknown as Record<string, unknown>
    for (const [, key = '', value = ''] of DOCS.matchAll(/^\| `([a-zA-Z0-9.]+)` +\| `([^`]+)` +\|/gm)) {
      const actual = key
        .split('.')
        .reduce<unknown>((node, part) => (node as Record<string, unknown>)[part], defaults)
      expect(`${key} ${Array.isArray(actual) ? JSON.stringify(actual) : actual}`).toBe(`${key} ${value}`)
    }
  })

  it('refuses unknown keys with their line', () => {
    const message = faultsOf('nickname: willow\nexit:\n  enabled: true\n  tpc: true\nspeed: 9\n')
    expect(message).toContain('relay.yaml:4: unknown key exit.tpc')
    expect(message).toContain('relay.yaml:5: unknown key speed')
  })

  it('refuses invalid values with their line and the reason', () => {
    expect(faultsOf('nickname: willow\nudp:\n  port: 70000\n')).toMatch(/^relay\.yaml:3: udp\.port: /)
    expect(faultsOf('udp:\n  port: 80\n')).toContain('udp.port: should be 0 or 1024 to 65535')
    for (const range of ['6881', '6889-6881', '80-90', '1024-70000', '1024-9999']) {
      expect(faultsOf(`udp:\n  portRange: ${range}\n`)).toContain('udp.portRange: ')
    }
    expect(faultsOf('udp:\n  host: localhost\n')).toMatch(/^relay\.yaml:2: udp\.host: .*IPv4 or IPv6/)
    expect(faultsOf('bootstrap:\n  - 127.0.0.1:80\n  - nowhere\n')).toMatch(/^relay\.yaml:3: bootstrap\.1: /)
    expect(faultsOf('exit:\n  allowNetworks: [127.0.0.0/33]\n')).toContain('relay.yaml:2:')
    expect(faultsOf('discovery:\n  trackers: [http://t.example:70000/]\n')).toContain('at most 65535')
    expect(faultsOf('logLevel: loud\n')).toContain('relay.yaml:1: logLevel')
    expect(faultsOf('- a\n- b\n')).toContain('relay.yaml:1: the file')
  })

  it('refuses a relay that signals without a key, with the line and what to do (L-06)', () => {
    const key = `4c69624e61434c504b3a${'ab'.repeat(64)}`
    const ring = (url: string) => `  firstRing: [{ key: ${key}, addresses: ['${url}'] }]\n`
    const config = (url: string) =>
      `links:\n${ring(url)}  webrtc:\n    signallers: ['wss://relay.example.org/relay']\n`
    expect(() => parseConfig(config('wss://other.example.org/relay'), 'relay.yaml')).toThrow(
      /relay\.yaml:4.*signallers.*should be among the addresses of a relay in links\.firstRing/,
    )
    expect(
      parseConfig(config('wss://RELAY.example.org:443/relay'), 'relay.yaml').links.firstRing,
    ).toHaveLength(1)
  })

  it('refuses what is not YAML with its line', () => {
    expect(faultsOf('nickname: willow\nudp: {port: 1\n')).toMatch(/^relay\.yaml:\d: /)
    expect(faultsOf('nickname: a\nnickname: b\n')).toMatch(/^relay\.yaml:2: /)
  })
})
