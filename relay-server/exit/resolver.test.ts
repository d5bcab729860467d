import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../shared/sim/virtual-clock.ts'
import { Counters } from '../../shared/world/counters.ts'
import {
  type NameRecord,
  type NameServer,
  Resolver,
  type SystemResolver,
  systemNameServer,
} from './resolver.ts'

/** A name server with a table; `asked` tells what it was asked for. */
function table(records: Record<string, { v4?: NameRecord[]; v6?: NameRecord[] }>) {
  const asked: string[] = []
  const server: NameServer = {
    ipv4: async (name) => {
      asked.push(`A ${name}`)
      return records[name]?.v4 ?? []
    },
    ipv6: async (name) => {
      asked.push(`AAAA ${name}`)
      return records[name]?.v6 ?? []
    },
  }
  return { server, asked }
}

const A = [{ address: '93.184.216.34', ttl: 60 }]
const AAAA = [{ address: '2001:db8::7', ttl: 60 }]

describe('names at an exit (O-06)', () => {
  it('prefers IPv4 and falls back to IPv6', async () => {
    const { server, asked } = table({ 'both.test': { v4: A, v6: AAAA }, 'six.test': { v6: AAAA } })
    const resolver = new Resolver({ clock: new VirtualClock(), counters: new Counters(), server })
    expect(await resolver.resolve('both.test', 80)).toEqual([
      { kind: 'ipv4', host: '93.184.216.34', port: 80 },
    ])
    expect(await resolver.resolve('SIX.test', 81)).toEqual([{ kind: 'ipv6', host: '2001:db8::7', port: 81 }])
    expect(asked).toEqual(['A both.test', 'A six.test', 'AAAA six.test'])
  })

  it('remembers names for as long as their record says, within bounds, and absent ones too', async () => {
    const clock = new VirtualClock()
    const short = [{ address: '93.184.216.34', ttl: 1 }]
    const { server, asked } = table({ 'short.test': { v4: short } })
    const resolver = new Resolver({ clock, counters: new Counters(), server })
    await resolver.resolve('short.test', 80)
    clock.advance(29_000)
    await resolver.resolve('short.test', 80)
    expect(asked).toHaveLength(1)
    clock.advance(2_000)
    await resolver.resolve('short.test', 80)
    expect(asked).toHaveLength(2)
    await expect(resolver.resolve('none.test', 80)).rejects.toMatchObject({ code: 'name-not-found' })
    await expect(resolver.resolve('none.test', 80)).rejects.toMatchObject({ code: 'name-not-found' })
    expect(asked).toHaveLength(4)
  })

  it('looks the same name up once, however often it is asked for at once', async () => {
    const { server, asked } = table({ 'a.test': { v4: A } })
    const resolver = new Resolver({ clock: new VirtualClock(), counters: new Counters(), server })
    await Promise.all([1, 2, 3].map((port) => resolver.resolve('a.test', port)))
    expect(asked).toHaveLength(1)
  })

  it('bounds look-ups at once, look-ups that wait, and what it remembers', async () => {
    const pending: (() => void)[] = []
    let running = 0
    let most = 0
    const server: NameServer = {
      ipv4: async () => {
        most = Math.max(most, ++running)
        await new Promise<void>((resolve) => pending.push(resolve))
        running--
        return A
      },
      ipv6: async () => [],
    }
    const counters = new Counters()
    const limits = { maxLookups: 2, maxWaiting: 3, maxCached: 2 }
    const resolver = new Resolver({ clock: new VirtualClock(), counters, server, limits })
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const results = names.map((name) =>
      resolver.resolve(`${name}.test`, 80).then(
        () => 'found',
        (error: { code: string }) => error.code,
      ),
    )
    for (let i = 0; i < 50; i++) {
      await Promise.resolve()
      if (i % 5 === 4) pending.shift()?.()
    }
    expect(await Promise.all(results)).toEqual(['found', 'found', 'found', 'found', 'found', 'resolver-busy'])
    expect(most).toBe(2)
    expect(counters.get('exit-resolver-busy')).toBe(1)
    const again = resolver.resolve('a.test', 80)
    await Promise.resolve()
    await Promise.resolve()
    expect(running).toBe(1)
    pending.shift()?.()
    await again
  })

  it('keeps no more than 16 addresses of a name, however many its server gives', async () => {
    const many = Array.from({ length: 4_000 }, (_, i) => ({
      address: `93.184.${i >> 8}.${i & 255}`,
      ttl: 60,
    }))
    const { server } = table({ 'many.test': { v4: many }, 'many6.test': { v6: many } })
    const resolver = new Resolver({ clock: new VirtualClock(), counters: new Counters(), server })
    expect(await resolver.resolve('many.test', 80)).toHaveLength(16)
    expect(await resolver.resolve('many6.test', 80)).toHaveLength(16)
  })

  it('says that a name cannot be found when the name server fails', async () => {
    const server: NameServer = {
      ipv4: () => Promise.reject(new Error('ESERVFAIL')),
      ipv6: async () => [],
    }
    const counters = new Counters()
    const resolver = new Resolver({ clock: new VirtualClock(), counters, server })
    await expect(resolver.resolve('a.test', 80)).rejects.toMatchObject({ code: 'name-not-found' })
    expect(counters.get('exit-lookup-failed')).toBe(1)
  })
})

describe('the name servers of this machine (O-06)', () => {
  it('are looked up anew when they fail, at most each minute', async () => {
    const clock = new VirtualClock()
    let made = 0
    let fault: string | undefined = 'ETIMEOUT'
    const server = systemNameServer(clock, () => {
      made++
      const answer = async () => {
        if (fault !== undefined) throw Object.assign(new Error(fault), { code: fault })
        return A
      }
      return { resolve4: answer, resolve6: answer } as unknown as SystemResolver
    })
    for (let n = 0; n < 3; n++) await expect(server.ipv4('a.test')).rejects.toMatchObject({ code: fault })
    expect(made).toBe(2)
    clock.advance(60_000)
    // That there is no such name is an answer.
    fault = 'ENOTFOUND'
    expect([await server.ipv4('a.test'), await server.ipv6('a.test'), made]).toEqual([[], [], 2])
    fault = 'ECONNREFUSED'
    await expect(server.ipv6('a.test')).rejects.toMatchObject({ code: fault })
    fault = undefined
    expect([await server.ipv4('a.test'), made]).toEqual([A, 3])
  })

  it('are those that it has now', async () => {
    const clock = new VirtualClock()
    const gone = async () => {
      throw Object.assign(new Error('the network has changed'), { code: 'ETIMEOUT' })
    }
    const here = async () => A
    const resolvers = [gone, here].map((answer) => ({ resolve4: answer, resolve6: answer }))
    const server = systemNameServer(clock, () => resolvers.shift() as unknown as SystemResolver)
    const resolver = new Resolver({ clock, counters: new Counters(), server })
    await expect(resolver.resolve('a.test', 80)).rejects.toMatchObject({ code: 'name-not-found' })
    expect(await resolver.resolve('a.test', 80)).toHaveLength(1)
  })
})
