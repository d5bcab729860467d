import type { PropertyValues } from 'lit'
import { FilmPlayer } from '../components/film-player.ts'

/**
 * The player of direct mode: the film must not leave the page, where the warning stands. So the browser offers no full
 * screen of the film alone (the page has its own, with the warning), no picture in picture, and no other screen.
 */
export class DirectPlayer extends FilmPlayer {
  override updated(changed: PropertyValues<this>): void {
    super.updated(changed)
    const video = this.renderRoot.querySelector('video')
    video?.setAttribute('controlslist', 'nofullscreen noremoteplayback')
    video?.setAttribute('disablepictureinpicture', '')
    video?.setAttribute('disableremoteplayback', '')
    // Where a browser offers them all the same. Listeners that are there already are not added twice.
    video?.addEventListener('webkitbeginfullscreen', backIntoThePage)
    video?.addEventListener('enterpictureinpicture', backIntoThePage)
  }
}

/** Safari's own full screen of a film on a phone, and pictures in picture. */
function backIntoThePage({ currentTarget, type }: Event): void {
  if (type === 'enterpictureinpicture') {
    document.exitPictureInPicture().catch(() => 'it has come back by itself')
    return
  }
  ;(currentTarget as { webkitExitFullscreen?(): void } | null)?.webkitExitFullscreen?.()
}

customElements.define('direct-player', DirectPlayer)

declare global {
  interface HTMLElementTagNameMap {
    'direct-player': DirectPlayer
  }
}
