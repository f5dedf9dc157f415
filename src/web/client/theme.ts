import { useEffect, useState } from 'preact/hooks'

export type Theme = 'system' | 'light' | 'dark'

const NEXT: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' }

/** The chosen theme, remembered by the browser; `system` follows it. */
export function useTheme(): { readonly theme: Theme; readonly isDark: boolean; readonly next: () => void } {
  const [theme, setTheme] = useState<Theme>(chosen)
  const [systemIsLight, setSystemIsLight] = useState(() => lightSystem().matches)
  useEffect(() => {
    const query = lightSystem()
    const onChange = () => setSystemIsLight(query.matches)
    query.addEventListener('change', onChange)
    return () => query.removeEventListener('change', onChange)
  }, [])
  const next = () => {
    const following = NEXT[theme]
    apply(following)
    setTheme(following)
  }
  return { theme, isDark: theme === 'system' ? !systemIsLight : theme === 'dark', next }
}

const lightSystem = (): MediaQueryList => matchMedia('(prefers-color-scheme: light)')

function chosen(): Theme {
  const { theme } = document.documentElement.dataset
  return theme === 'light' || theme === 'dark' ? theme : 'system'
}

function apply(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  try {
    if (theme === 'system') localStorage.removeItem('theme')
    else localStorage.setItem('theme', theme)
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}
