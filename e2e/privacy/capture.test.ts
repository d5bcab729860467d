import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type RecordedChromium, startRecordedChromium } from './capture.ts'
import { type RtcWatch, watchRtc } from './rtc.ts'

const workerThatFetches = `onmessage = async ({ data }) => { await fetch(data, { mode: 'no-cors' }).catch(() => {}); postMessage('done') }`

let pages: Server
let silent: Server
let stun: Socket
let recorded: RecordedChromium
let watch: RtcWatch
let page: Page
const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port
const sentTo = (found: { address: string; port: number; sent: boolean }[]) =>
  found.filter(({ sent }) => sent).map(({ address, port }) => `${address}:${port}`)

beforeAll(async () => {
  pages = createServer((request, response) => {
    const script = request.url === '/worker.js'
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html')
    response.end(script ? workerThatFetches : '<!doctype html><title>A page</title>')
  }).listen(0, '127.0.0.3')
  silent = createServer((_, response) => response.end()).listen(0, '127.0.0.4')
  stun = createSocket('udp4').bind(0, '127.0.0.5')
  await Promise.all([once(pages, 'listening'), once(silent, 'listening'), once(stun, 'listening')])
})
afterAll(() => {
  pages.close()
  silent.close()
  stun.close()
})
beforeEach(async () => {
  recorded = await startRecordedChromium()
  const context = await recorded.browser.newContext()
  watch = await watchRtc(context)
  page = await context.newPage()
  await page.goto(`http://127.0.0.3:${portOf(pages)}/`)
})
afterEach(() => recorded.stop())

describe('the record of a browser’s connections, for the privacy proof (W-03)', () => {
  test('holds only the page’s own server while nothing leaks', async () => {
    await watch.assertNoRtc()
    expect(sentTo(await recorded.stop())).toEqual([`127.0.0.3:${portOf(pages)}`])
  })

  test('holds what a page, its worker and its WebSocket contact, IPv6 and refused ones too', async () => {
    await page.evaluate(
      async ([fromWorker]) => {
        const worker = new Worker('/worker.js')
        worker.postMessage(fromWorker)
        await new Promise((resolve) => worker.addEventListener('message', resolve))
        await fetch('http://[::1]:7999/').catch(() => undefined)
        const socket = new WebSocket('ws://127.0.0.6:7998/')
        await new Promise((resolve) => socket.addEventListener('error', resolve))
      },
      [`http://127.0.0.4:${portOf(silent)}/`],
    )
    await watch.assertNoRtc()
    const found = sentTo(await recorded.stop())
    expect(found).toEqual(
      expect.arrayContaining([`127.0.0.4:${portOf(silent)}`, '::1:7999', '127.0.0.6:7998']),
    )
  })

  test('holds the STUN packets of a peer connection, which the watch counts', async () => {
    const heard = once(stun, 'message')
    await page.evaluate(async (port) => {
      const peer = new RTCPeerConnection({ iceServers: [{ urls: `stun:127.0.0.5:${port}` }] })
      peer.createDataChannel('leak')
      await peer.setLocalDescription(await peer.createOffer())
    }, portOf(stun))
    await heard
    expect(watch.constructed()).toBe(1)
    await expect(watch.assertNoRtc()).rejects.toThrow('constructed 1 times')
    expect(sentTo(await recorded.stop())).toContain(`127.0.0.5:${portOf(stun)}`)
  })

  test('counts peer connections of other frames and by other ways to the constructor', async () => {
    await page.evaluate(() => {
      const frame = document.body.appendChild(document.createElement('iframe'))
      Reflect.construct(Reflect.get(frame.contentWindow ?? {}, 'RTCPeerConnection'), [])
      Reflect.construct(RTCPeerConnection.prototype.constructor, [])
      class Hidden extends RTCPeerConnection {}
      new Hidden()
    })
    await expect.poll(() => watch.constructed()).toBe(3)
  })
})
