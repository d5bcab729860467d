import { curvesSuite } from '../../shared/crypto/curves.suite.fixture.ts'
import { sodiumCurves } from './sodium-curves.ts'

curvesSuite('native curves (C-01, N-08)', sodiumCurves)
