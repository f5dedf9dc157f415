import type { SnapshotDocument } from '../../views/schemas/dashboard.ts'
import { DOCUMENTATION, REPOSITORY } from './links.ts'
import type { Connection } from './live.ts'
import type { Theme } from './theme.ts'

const CONNECTIONS: Readonly<Record<Connection, string>> = {
  connecting: 'Connecting',
  live: 'Live',
  polling: 'Every 30 s',
  lost: 'Offline',
}

const THEMES: Readonly<Record<Theme, string>> = { dark: 'Dark', light: 'Light', auto: 'Auto' }

interface HeaderProps {
  readonly snapshot: SnapshotDocument
  readonly connection: Connection
  readonly theme: { readonly theme: Theme; readonly next: () => void }
  readonly isWall: boolean
}

export function Header({ snapshot: { hostname, demo }, connection, theme, isWall }: HeaderProps) {
  return (
    <header class="head">
      <div class="head-name">
        <h1>{hostname}</h1>
        <span class="head-product">canhazgpu</span>
      </div>
      {demo ? <p class="demo">Demo: users, GPUs and readings are made up</p> : null}
      <span class={`connection connection-${connection}`} role="status" aria-label="Connection">
        <span class="connection-dot" aria-hidden="true" />
        {CONNECTIONS[connection]}
      </span>
      <nav class="head-links" aria-label="Page">
        <a href={isWall ? '#' : '#wall'}>{isWall ? 'Full page' : 'Wall view'}</a>
        <a href={DOCUMENTATION}>Documentation</a>
        {REPOSITORY === undefined ? null : (
          <a href={REPOSITORY} rel="noreferrer">
            GitHub
          </a>
        )}
        <button type="button" class="quiet" onClick={theme.next} title="Change the colours">
          <span class="visually-hidden">Colours: </span>
          <span class="theme-icon" aria-hidden="true" />
          {THEMES[theme.theme]}
        </button>
      </nav>
    </header>
  )
}
