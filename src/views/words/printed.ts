/** What a command prints. stdout carries the answer alone, stderr whatever is said beside it. */
export interface Printed {
  readonly stdout?: string
  readonly stderr?: string
}

/** How text may look where it is printed. */
export interface Look {
  readonly color: boolean
  readonly terminal: boolean
}

/** Where what is said beside the answer goes. */
export interface Stderr {
  readonly write: (text: string) => void
  readonly terminal: boolean
}
