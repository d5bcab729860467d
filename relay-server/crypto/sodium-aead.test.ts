import { aeadSuite } from '../../shared/crypto/aead.suite.fixture.ts'
import { sodiumAead } from './sodium-aead.ts'

aeadSuite('native AEAD (C-02)', () => sodiumAead)
