import { useEffect, useState } from 'preact/hooks'

/** `auto` follows the system. */
export type Theme = 'dark' | 'light' | 'auto'

const NEXT: Readonly<Record<Theme, Theme>> = { dark: 'light', light: 'auto', auto: 'dark' }

/** The theme of the page: dark unless the reader chose another; the browser remembers the choice. */
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
    choose(following)
    setTheme(following)
  }
  return { theme, isDark: theme === 'auto' ? !systemIsLight : theme === 'dark', next }
}

const lightSystem = (): MediaQueryList => matchMedia('(prefers-color-scheme: light)')

function currentTheme(): Theme {
  const { theme } = document.documentElement.dataset
  return theme === 'light' || theme === 'auto' ? theme : 'dark'
}

function choose(theme: Theme): void {
  document.documentElement.dataset.theme = theme
  try {
    localStorage.setItem('theme', theme)
  } catch {
    // The browser may forbid storage; the choice then lasts as long as the page.
  }
}
