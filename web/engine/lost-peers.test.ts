import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Torrent } from 'webtorrent'
import { LostPeers } from './lost-peers.ts'

/** A torrent that writes down whom it is told of. */
function world() {
  const added: string[] = []
  const torrent = Object.assign(new EventEmitter(), {
    destroyed: false,
    done: false,
    addPeer: (address: string) => added.push(address) > 0,
  })
  const lost = new LostPeers(torrent as unknown as Torrent)
  const connect = (address?: string) => {
    const wire = new EventEmitter()
    torrent.emit('wire', wire, address)
    return wire
  }
  return { added, torrent, lost, connect }
}

describe('peers whose circuit went (C-05)', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('are tried again at once, whether they end before or after the next circuit serves', () => {
    const { added, lost, connect } = world()
    const [before, after] = [connect('192.0.2.1:1'), connect('192.0.2.2:2')]
    before.emit('close')
    lost.circuitChanged()
    after.emit('close')
    vi.advanceTimersByTime(100)
    expect(added).toEqual(['192.0.2.1:1', '192.0.2.2:2'])
  })

  it('are left to WebTorrent if they ended for a reason of their own, or came without an address', () => {
    const { added, lost, connect } = world()
    connect('192.0.2.1:1').emit('close')
    vi.advanceTimersByTime(4_000)
    lost.circuitChanged()
    connect(undefined).emit('close')
    vi.advanceTimersByTime(4_000)
    connect('192.0.2.3:3').emit('close')
    vi.advanceTimersByTime(10_000)
    expect(added).toEqual([])
  })

  it('are not tried again once all is here', () => {
    const { added, torrent, lost, connect } = world()
    connect('192.0.2.1:1').emit('close')
    torrent.done = true
    lost.circuitChanged()
    vi.advanceTimersByTime(5_000)
    expect(added).toEqual([])
  })
})
