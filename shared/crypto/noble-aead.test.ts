import { aeadSuite } from './aead.suite.fixture.ts'
import { nobleAead } from './noble-aead.ts'

aeadSuite('noble AEAD (C-02)', () => nobleAead)
