/** What the user should know although the command continues. */
export const WARNING_CODES = [
  'threshold-ignored',
  'config-skipped',
  'config-without-effect',
  'password-exposed',
  'open-to-everyone',
  'variables-dropped',
  'trace-failed',
  'daemon-away',
] as const
export type WarningCode = (typeof WARNING_CODES)[number]

export interface Warning {
  readonly code: WarningCode
  readonly message: string
}

export type Warn = (warning: Warning) => void
