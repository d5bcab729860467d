/**
 * What the engine's worker and the main thread say to each other about one WebRTC data channel, on a MessagePort of its
 * own. RTCPeerConnection exists on the main thread only (WebRTC §4.4), everything else about a link is the worker's: it
 * asks for the channel, carries the signals to the far end and back, and proves keys. An ArrayBuffer, transferred, is one
 * message of the channel, either way.
 */

/** How a data channel is to be made. */
export interface ChannelRequest {
  /** Whether this end offers; otherwise the far end's offer is the first signal. */
  readonly initiator: boolean
  /** `stun:host:port` of the relay that signals, the only server that is asked for our address; none if not given. */
  readonly stun?: string | undefined
}

/** What is to be brought to the far end, or came from there. */
export type ChannelSignal =
  /** Offer of the initiator, answer of the other: the whole SDP. The first signal either way. */
  | { readonly type: 'description'; readonly sdp: string }
  /** `candidate:…`; none is an address of ours but those that the browser shows. */
  | { readonly type: 'candidate'; readonly candidate: string }

/** From the worker. */
export type ChannelCommand =
  /** Of the far end. */
  | ChannelSignal
  /** Ends the channel; what was sent before still goes out. */
  | { readonly type: 'close' }
  | ArrayBuffer

/** From the main thread. */
export type ChannelReport =
  /** For the far end. */
  | ChannelSignal
  | { readonly type: 'open' }
  /** So many bytes more have been handed to the network. */
  | { readonly type: 'written'; readonly bytes: number }
  /** The last report. */
  | { readonly type: 'closed' }
  | ArrayBuffer

/** Asks the main thread for a data channel. @returns the worker's end of its port */
export type OpenChannelPort = (request: ChannelRequest) => MessagePort
