import type { IpAddress } from '../shared/bytes/address.ts'
import { ExitPolicy } from '../shared/onion/exit-policy.ts'
import type { RelayConfig } from './config.ts'

/** Networks that relays may be in although they are private: the lab lives there. */
const LAB_NETWORKS = ['127.0.0.0/8', '::1/128']

/** Private networks that a relay of this configuration takes for public ones. */
export function labNetworks(config: Pick<RelayConfig, 'lab'>): readonly string[] {
  return config.lab ? LAB_NETWORKS : []
}

/** Whether an address that a stranger named (in an extend, in a descriptor) is one that packets may be sent to. */
export function reachRule(config: Pick<RelayConfig, 'lab'>): (address: IpAddress) => boolean {
  const policy = new ExitPolicy({ allowNetworks: labNetworks(config) })
  return (address) => policy.judge(address, 'udp') === 'allowed'
}
