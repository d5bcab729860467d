import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { Topology } from './namespaces.ts'

const ownNamespaces = (pid: number) =>
  execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).match(
    new RegExp(`^culvert-${pid}-\\S+`, 'gm'),
  ) ?? []

/** Whether a process is there and no zombie. */
const isRunning = (pid: string) =>
  existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))

it('makes namespaces that reach each other through a router, and leaves none behind', () => {
  const topology = new Topology()
  const [left, right] = [topology.namespace('left'), topology.namespace('right')]
  const router = topology.router('router')
  topology.wire(left, '10.0.1.2/24', router, '10.0.1.1/24')
  topology.wire(right, '10.0.2.2/24', router, '10.0.2.1/24')
  left.defaultRoute('10.0.1.1')
  right.defaultRoute('10.0.2.1')
  expect(left.ip('route', 'get', '10.0.2.2')).toContain('via 10.0.1.1')
  expect(() => left.ip('route', 'get', '10.0.2.2', 'oif', 'none')).toThrow('none')
  topology.close()
  topology.close()
  expect(ownNamespaces(process.pid)).toEqual([])
})

it('sweeps up what a process left that was killed, its children too', async () => {
  const namespaces = fileURLToPath(new URL('namespaces.ts', import.meta.url))
  const program = `
    const { Topology } = await import(${JSON.stringify(namespaces)})
    const child = new Topology().namespace('left-behind').spawn('sleep', '600')
    child.once('spawn', () => {
      process.stdout.write(String(child.pid))
      process.kill(process.pid, 'SIGKILL')
    })`
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program]
  const { pid, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(ownNamespaces(pid)).toHaveLength(1)
  new Topology().close()
  expect(ownNamespaces(pid)).toEqual([])
  await vi.waitFor(() => expect(isRunning(stdout)).toBe(false))
})
