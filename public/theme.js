// Runs before the first paint, so that a chosen theme does not flash in late. See web/app/theme.ts.
try {
  const theme = localStorage.getItem('culvert.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage is switched off: the page follows the system.
}
