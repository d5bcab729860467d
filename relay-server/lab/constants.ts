/** Who is where in the lab. All addresses are of this machine alone. */

export interface LabPlace {
  readonly host: string
  readonly nickname: string
  readonly exit: boolean
}

/** Six relays, three of them exits; names that people can tell apart. */
export const LAB_RELAYS: readonly LabPlace[] = [
  { host: '127.0.0.11', nickname: 'alder', exit: false },
  { host: '127.0.0.12', nickname: 'birch', exit: false },
  { host: '127.0.0.13', nickname: 'cedar', exit: false },
  { host: '127.0.0.14', nickname: 'hazel', exit: true },
  { host: '127.0.0.15', nickname: 'maple', exit: true },
  { host: '127.0.0.16', nickname: 'rowan', exit: true },
]

export const LAB_TRACKER_HOST = '127.0.0.21'
export const LAB_DHT_HOST = '127.0.0.22'
export const LAB_SEEDER_HOST = '127.0.0.23'

/** The networks that the lab's exits open for it. */
export const LAB_NETWORKS: readonly string[] = ['127.0.0.0/8']

export const LAB_GATEWAY_PORT = 8080
/** How many ports are tried, counting up, where one is busy. */
export const LAB_GATEWAY_PORT_TRIES = 20

/** In the lab every relay learns of every other within a second or two. */
export const LAB_EXCHANGE_SECONDS = 1

export const LAB_TORRENT_NAME = 'Culvert - a short film'
/** The same film under another name: seeded, but nothing that the relays serve tells of it. For privacy tests. */
export const LAB_UNLISTED_NAME = 'Culvert - an unlisted copy'

/** What pages are told about the film in public/sample. */
export const LAB_SAMPLE = {
  title: 'Culvert',
  description:
    'A drop falls, becomes a brook, puts on three coats and goes through a culvert to the sea. Eighty seconds, made by this project.',
  seconds: 80,
} as const
