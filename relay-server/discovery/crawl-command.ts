import type { CrawlEnd, CrawlFigures } from '../../shared/kademlia/crawler.ts'
import { loadConfig } from '../config.ts'
import { NodeClock } from '../node-clock.ts'
import { NodeRandom } from '../node-random.ts'
import { crawlOnce } from './crawl.ts'

/** `relay-server crawl`: counts what is in the DHT. @throws CulvertError `crawl-nobody` */
export async function runCrawl(configPath: string, seconds: number, json: boolean): Promise<void> {
  const config = await loadConfig(configPath)
  const world = { clock: new NodeClock(), random: new NodeRandom() }
  const figures = await crawlOnce(config, 1000 * seconds, world)
  const lines = json ? [JSON.stringify(figures, undefined, 2)] : crawlLines(figures)
  for (const line of lines) process.stdout.write(`${line}\n`)
}

const ENDS: Record<CrawlEnd, string> = {
  whole: 'everybody was asked',
  full: 'more nodes than can be remembered',
  time: 'the time was over',
}

/** A figure a line. */
export function crawlLines(figures: CrawlFigures): string[] {
  const { ended, tookMs, queries, met, answered, silent, fittingIds } = figures
  const { networks, networkSize, sampling, infoHashes, infoHashesExact } = figures
  const rows: [string, string][] = [
    ['time', `${(tookMs / 1000).toFixed(1)} s${ended ? `, ${ENDS[ended]}` : ''}`],
    ['queries', String(queries)],
    ['nodes met', String(met)],
    ['nodes that answered', `${answered}, silent ${silent}`],
    ['ids by BEP 42', `${(100 * fittingIds).toFixed(0)} %`],
    ['networks', String(networks)],
    ['nodes in all, estimated', String(networkSize)],
    ['nodes with BEP 51', String(sampling)],
    ['info hashes sampled', `${infoHashesExact ? '' : 'about '}${infoHashes}`],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`)
}
