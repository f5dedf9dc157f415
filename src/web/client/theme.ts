import { useEffect, useState } from 'preact/hooks'

/** `auto`: the colours of the system. */
export type Theme = 'dark' | 'light' | 'auto'

const NEXT: Readonly<Record<Theme, Theme>> = { dark: 'light', light: 'auto', auto: 'dark' }

/** The theme of the page. It is dark unless the reader chose another. The browser stores the choice. */
export function useTheme(): { readonly theme: Theme; readonly isDark: boolean; readonly next: () => void } {
  const [theme, setTheme] = useState<Theme>(currentTheme)
  const [systemIsLight, setSystemIsLight] = useState(() => lightSystem().matches)
  useEffect(() => {
    const query = lightSystem()
    const onChange = () => setSystemIsLight(query.matches)
    query.addEventListener('change', onChange)
    return () => query.removeEventListener('change', onChange)
  }, [])
  const next = () => {
    const following = NEXT[theme]
    applyTheme(following)
    setTheme(following)
  }
  return { theme, isDark: theme === 'auto' ? !systemIsLight : theme === 'dark', next }
}

const lightSystem = (): MediaQueryList => matchMedia('(prefers-color-scheme: light)')

function currentTheme(): Theme {
  const { theme } = document.documentElement.dataset
  return theme === 'light' || theme === 'auto' ? theme : 'dark'
}

function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme
  try {
    localStorage.setItem('theme', theme)
  } catch {
    // If the browser forbids storage, the choice lasts until the page is closed.
  }
}
