import { startDhtNode } from '../lab/dht-node.ts'

/** A DHT node of npm's bittorrent-dht in a process of its own: `netns-router.ts <host>`; says its address once it listens. */
const { address } = await startDhtNode(process.argv[2] ?? '', [])
process.send?.({ address })
