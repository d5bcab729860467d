/** Light or dark: as the system has it, unless the visitor chose otherwise. public/theme.js applies the choice early. */
export type Theme = 'light' | 'dark'

const key = 'culvert.theme'
const system = () => matchMedia('(prefers-color-scheme: dark)')
const systemTheme = (): Theme => (system().matches ? 'dark' : 'light')
const listeners = new Set<(theme: Theme) => void>()

export function currentTheme(): Theme {
  const chosen = document.documentElement.dataset.theme
  return chosen === 'light' || chosen === 'dark' ? chosen : systemTheme()
}

/** Remembers the choice only where it differs from the system's, so that going back means following it again. */
export function chooseTheme(theme: Theme): void {
  const follow = theme === systemTheme()
  if (follow) delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  remember(follow ? undefined : theme)
  for (const listener of listeners) listener(theme)
}

/** Calls back on every change, by the visitor or by the system; returns what ends that. */
export function onThemeChange(listener: (theme: Theme) => void): () => void {
  const media = system()
  const followed = () => listener(currentTheme())
  media.addEventListener('change', followed)
  listeners.add(listener)
  return () => {
    media.removeEventListener('change', followed)
    listeners.delete(listener)
  }
}

function remember(theme: Theme | undefined): void {
  try {
    if (theme === undefined) localStorage.removeItem(key)
    else localStorage.setItem(key, theme)
  } catch (error) {
    // Storage may be switched off; the choice then lasts as long as the page.
    if (!(error instanceof DOMException)) throw error
  }
}
