import { describe, expect, it } from 'vitest'
import { announcementOf, documentTitle, titleOf } from './announcements.ts'
import { type Action, initialState, reduce } from './app-state.ts'
import { pieces, scenes, torrent, view } from './views.fixture.ts'

const stateAfter = (...actions: Action[]) => actions.reduce(reduce, initialState(3))
const open: Action = { type: 'open', request: { kind: 'magnet', uri: 'magnet:?', name: 'Tide' } }
const playing: Action = { type: 'playing', url: '/media/fixture/0' }

describe('what screen readers hear (W-10)', () => {
  it('tells each stage once', () => {
    expect(announcementOf(stateAfter())).toBe('')
    expect(announcementOf(stateAfter({ type: 'view', view: scenes.start }))).toBe('A circuit is ready.')
    expect(announcementOf(stateAfter(open, { type: 'view', view: scenes.building }))).toBe(
      'Building the circuit.',
    )
    expect(announcementOf(stateAfter(open, { type: 'view', view: scenes.playing }, playing))).toBe(
      'The film plays. The swarm sees 127.0.0.18.',
    )
  })

  it('does not chatter while numbers change', () => {
    const at = (share: number) =>
      announcementOf(
        stateAfter(
          open,
          {
            type: 'view',
            view: view({ torrent: torrent(share, { peers: 9 * share, pieces: pieces(400, share) }) }),
          },
          playing,
        ),
      )
    expect(at(0.2)).toBe(at(0.7))
  })

  it('tells of a lost circuit as something under way', () => {
    expect(announcementOf(stateAfter(open, { type: 'view', view: scenes.replaced }, playing))).toMatch(
      /film goes on/,
    )
  })

  it('leaves problems to the alert', () => {
    expect(announcementOf(stateAfter(open, { type: 'view', view: scenes.noPeers }))).toBe('')
  })
})

describe('titles', () => {
  it('uses the best name known', () => {
    expect(titleOf(stateAfter(open))).toBe('Tide')
    expect(titleOf(stateAfter(open, { type: 'view', view: scenes.playing }))).toBe('Slow Water')
    const sample: Action = { type: 'open', request: { kind: 'sample' } }
    expect(titleOf(stateAfter(sample))).toBe('The sample film')
    expect(documentTitle(stateAfter({ type: 'view', view: scenes.start }, sample))).toBe('Watching · Culvert')
    expect(documentTitle(stateAfter())).toBe('Culvert')
  })
})
