/** Runs before the first paint: the theme chosen earlier, so that the page does not flash. */
try {
  const theme = localStorage.getItem('theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage may be forbidden; the theme then follows the system.
}
