import { curvesSuite } from './curves.suite.fixture.ts'
import { nobleCurves } from './curves.ts'

curvesSuite('reference curves (C-01, N-08)', nobleCurves)
