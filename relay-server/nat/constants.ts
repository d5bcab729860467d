/** For how long a router keeps a mapping that is not renewed. */
export const LEASE_SECONDS = 3_600
/** A mapping is renewed this long after it was made: half its lease, so that one failure does no harm. */
export const RENEW_MS = 1_800_000
/** Where no router answered, or the mapper failed, it is tried again after this long: networks change. */
export const RETRY_MS = 1_800_000
/** How often it is looked whether this machine is on another network, where there is another router to ask. */
export const NETWORK_CHECK_MS = 60_000
/** What a router has to answer one question. */
export const NAT_PMP_ANSWER_MS = 750
export const NAT_PMP_TRIES = 3
export const UPNP_SEARCH_MS = 5_000
export const UPNP_SEARCH_AGAIN_MS = 1_000
export const UPNP_ANSWER_MS = 3_000
/** All of it: a router that is slow on purpose is none. */
export const MAP_MS = 30_000
/** Taking mappings back, at the end; within the two seconds that a relay has for stopping. */
export const UNMAP_MS = 1_000
/** A mapper that has not ended by then is killed. */
export const STOP_MS = 1_500
/** Memory of the process that reads what routers say, in megabytes. */
export const MAPPER_HEAP_MB = 64
