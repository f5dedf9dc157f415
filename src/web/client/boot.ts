/** Sets the remembered theme before the first paint, so that the page does not flash. */
try {
  const theme = localStorage.getItem('theme')
  if (theme === 'light' || theme === 'auto') document.documentElement.dataset.theme = theme
} catch {
  // The browser may forbid storage; the page is then dark.
}
