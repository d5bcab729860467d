import * as node from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createCipheriv, createDiffieHellman, createHash } from './crypto.ts'

/** The prime of message stream encryption. */
const PRIME =
  'ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd' +
  'ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563'

describe('crypto for message stream encryption and the DHT (W-04)', () => {
  it('hashes as Node does', () => {
    const ours = createHash('sha1').update(Buffer.from('req1')).update(Buffer.alloc(96, 7)).digest()
    expect(ours).toEqual(node.createHash('sha1').update('req1').update(Buffer.alloc(96, 7)).digest())
  })

  it("agrees on a secret with Node's Diffie-Hellman", () => {
    const ours = createDiffieHellman(PRIME, 'hex', 2)
    const theirs = node.createDiffieHellman(PRIME, 'hex', 2)
    const ourKey = ours.generateKeys()
    expect(ourKey).toHaveLength(96)
    const theirKey = theirs.generateKeys()
    const padded = Buffer.concat([Buffer.alloc(96 - theirKey.length), theirKey])
    const secret = theirs.computeSecret(ourKey)
    const theirSecret = Buffer.concat([Buffer.alloc(96 - secret.length), secret])
    expect(ours.computeSecret(padded)).toEqual(theirSecret)
  })

  it('takes no key that forces the secret, and does not throw at one', () => {
    const ours = createDiffieHellman(PRIME, 'hex', 2)
    ours.generateKeys()
    const prime = Buffer.from(PRIME, 'hex')
    const least = Buffer.alloc(96)
    const one = Buffer.alloc(96)
    one[95] = 1
    for (const key of [least, one, prime, Buffer.alloc(96, 0xff)]) {
      const first = ours.computeSecret(key)
      expect(first).toHaveLength(96)
      expect(first).not.toEqual(ours.computeSecret(key))
    }
  })

  it('has nothing else', () => {
    expect(() => createHash('md5')).toThrow('no hash md5')
    expect(() => createCipheriv('rc4')).toThrow('no cipher rc4')
  })
})
