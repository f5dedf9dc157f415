/** Sets the stored theme before the first paint, so that the page does not flash in the wrong colours. */
try {
  const theme = localStorage.getItem('theme')
  if (theme === 'light' || theme === 'auto') document.documentElement.dataset.theme = theme
} catch {
  // If the browser forbids storage, the page stays dark.
}
