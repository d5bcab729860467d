import { CulvertError } from '../../shared/bytes/error.ts'

/**
 * What went wrong with tor. Codes; docs/errors.md says what to do:
 *
 * - `tor-socks-unreachable`: nothing listens at the SOCKS port
 * - `tor-socks-protocol`: what listens there speaks no SOCKS5, or refuses user names
 * - `tor-onion-unreachable`: tor could not reach the onion service
 * - `tor-onion-timeout`: tor did not reach it in time
 * - `tor-not-onion`: an address that is no v3 onion address; nothing else is ever dialled through tor
 * - `tor-control-unreachable`: nothing listens at the control port
 * - `tor-control-auth`: it takes neither our password nor the cookie
 * - `tor-control-cookie`: the cookie file cannot be read, or is none
 * - `tor-control-refused`: it refused a command; the status is in the message
 * - `tor-control-protocol`: what listens there is no control port of tor, or broke its rules
 * - `tor-control-closed`: the connection ended
 * - `tor-control-timeout`: a command was not answered in time
 * - `tor-key-malformed`: the onion service's key file in the state folder holds no key
 */
export class TorError extends CulvertError {}
