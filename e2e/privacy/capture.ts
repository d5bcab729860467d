import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Browser, chromium } from 'playwright'
import { CHROMIUM, CHROMIUM_FLAGS } from '../chromium.ts'
import { type Connection, connectionsOf, tracedCalls } from './trace.ts'

export type { Connection } from './trace.ts'

export interface RecordedChromium {
  browser: Browser
  /** Every destination that any process of the browser has named so far, IPv4 and IPv6, DNS included. */
  connections(): Connection[]
  /** A place in the record: what has been recorded until now lies before it. */
  mark(): number
  /** As `connections`, of what was recorded after a mark. Sends on a socket that was connected before it are not in it. */
  connectionsSince(mark: number): Connection[]
  /** Closes the browser, waits for the recorder to finish, and gives the whole record; again the same if called again. */
  stop(): Promise<Connection[]>
}

/** The browser's own errands (updates, safe browsing, probes), which would blur the record. */
const withoutErrands = [
  '--no-pings',
  '--disable-default-apps',
  '--disable-domain-reliability',
  '--disable-client-side-phishing-detection',
  // names that Chromium still asks for by itself; every other name that is asked for stays in the record
  '--host-resolver-rules=MAP accounts.google.com ~NOTFOUND, MAP update.googleapis.com ~NOTFOUND, MAP content-autofill.googleapis.com ~NOTFOUND',
]

const recorderEndsWithinMs = 10_000

/**
 * Starts Chromium under strace, which records from outside every connect and every datagram of all its processes:
 * nothing in the page, nor a fault of the page's own hooks, can hide a connection from it. Sockets of the local machine's
 * processes to each other (AF_UNIX) are no connections and are left out.
 */
export async function startRecordedChromium(
  options: { args?: readonly string[] } = {},
): Promise<RecordedChromium> {
  const folder = mkdtempSync(join(tmpdir(), 'culvert-record-'))
  const [trace, ended, program] = ['trace', 'ended', 'chromium'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  // The recorder is Chromium's parent; its end, after the last process of the tree, is marked by a file.
  const strace = `strace -f --seccomp-bpf -qqq -yy -s 0 -e signal=none -e trace=${tracedCalls.join(',')} -o '${trace}'`
  writeFileSync(
    program,
    `#!/bin/bash\ntrap '' TERM INT HUP\n${strace} '${CHROMIUM}' "$@"\ncode=$?\n: > '${ended}'\nexit $code\n`,
  )
  chmodSync(program, 0o755)
  writeFileSync(trace, '')
  const browser = await chromium.launch({
    executablePath: program,
    args: [...CHROMIUM_FLAGS, ...withoutErrands, ...(options.args ?? [])],
    timeout: 60_000,
  })
  const record = () => readFileSync(trace, 'utf8')
  const connections = () => connectionsOf(record())
  const finish = async () => {
    try {
      await browser.close()
      for (let waitedMs = 0; !existsSync(ended); waitedMs += 50) {
        if (waitedMs > recorderEndsWithinMs) throw new Error('strace has not ended: the record may be short')
        await delay(50)
      }
      return connections()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  let stopped: Promise<Connection[]> | undefined
  return {
    browser,
    connections,
    mark: () => record().lastIndexOf('\n') + 1,
    connectionsSince: (mark) => connectionsOf(record().slice(mark)),
    stop() {
      stopped ??= finish()
      return stopped
    },
  }
}
