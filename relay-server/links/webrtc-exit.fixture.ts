import { WebRtcTown } from './webrtc.fixture.ts'

// A process that has a WebRTC link, and ends: as it should, or by process.exit with the link open.
const town = new WebRtcTown()
await town.pair(await town.node(), await town.node())
process.stdout.write('open\n')
if (process.argv[2] === 'stopped') {
  await town.stop()
  process.stdout.write('over\n')
} else {
  process.stdout.write('over\n', () => process.exit(0))
}
