import '../web/app/culvert-app.ts'
import { type RelaySceneName, relayScenes } from '../web/app/relays.fixture.ts'
import { FixtureEngine, type SceneName, scenes } from '../web/app/views.fixture.ts'

/** The real page around scripted views, for tests of what is seen, heard and reached by key. Driven from outside. */
declare global {
  interface Window {
    harness: {
      engine: FixtureEngine
      show(name: SceneName): void
      showRelays(name: RelaySceneName): void
    }
  }
}

const first = new URLSearchParams(location.search).get('scene') ?? 'start'
const engine = new FixtureEngine(isScene(first) ? scenes[first] : scenes.start)
window.harness = {
  engine,
  show: (name) => engine.show(scenes[name]),
  showRelays: (name) => engine.showRelays(relayScenes[name]),
}
await document.querySelector('culvert-app')?.connect(engine)

function isScene(name: string): name is SceneName {
  return Object.hasOwn(scenes, name)
}
