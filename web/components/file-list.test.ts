import { describe, expect, it } from 'vitest'
import { torrent } from '../app/views.fixture.ts'
import { FileList } from './file-list.ts'
import { markup } from './markup.fixture.ts'

const list = (over: Partial<FileList> = {}) =>
  markup(Object.assign(new FileList(), { files: torrent(0.5).files, count: 3, ...over }).render())

describe('the files of a torrent (W-03)', () => {
  it('offers none to save before the addresses are answered: whoever serves the page would be asked for it', () => {
    expect(list()).not.toContain('href')
    expect(list({ ready: true })).toContain('href="/media/fixture/0?save"')
  })

  it('says how many are not listed (W-08)', () => {
    expect(list()).not.toContain('not listed')
    expect(list({ count: 4 })).toContain('1 more file is not listed')
    expect(list({ count: 1_203 })).toContain('1,200 more files are not listed')
  })
})
