import type { WalkStatus } from '../shared/ipv8/walker.ts'
import type { Log } from './log.ts'

type WalkView = Pick<WalkStatus, 'state' | 'peers' | 'nat' | 'bootstrapKnown'>

/** Tells the operator in plain words how the walk goes, when that changes (N-06, N-10, N-13). No addresses. */
export class WalkReport {
  private readonly log: Log
  private state: WalkView['state'] = 'starting'
  private nat: WalkView['nat'] = 'unknown'

  constructor(log: Log) {
    this.log = log
  }

  note({ state, peers, nat, bootstrapKnown }: WalkView): void {
    if (state !== this.state) {
      this.state = state
      if (state === 'joined') this.log.info(`joined: ${peers} ${peers === 1 ? 'peer' : 'peers'}`)
      if (state === 'degraded') {
        const alone = bootstrapKnown === 0 ? 'there is no bootstrap node to ask' : 'no bootstrap node answers'
        this.log.info(`${alone}: retrying every 30 s`)
      }
    }
    if (nat !== this.nat) {
      const was = this.nat
      this.nat = nat
      if (nat === 'likely-symmetric') {
        this.log.info(
          'this network looks like a symmetric NAT: peers cannot reach this relay by themselves, so it works through ' +
            'other relays only; map a port on the router, or set udp.publicHost',
        )
      } else if (was === 'likely-symmetric') {
        this.log.info('peers reach this relay again')
      }
    }
  }
}
