/** What a command prints. stdout carries the answer alone, stderr whatever is said beside it. */
export interface Printed {
  readonly stdout?: string
  readonly stderr?: string
}

/** How text may look where it is printed. */
export interface Look {
  readonly color: boolean
  readonly terminal: boolean
  /** How wide a line may be; infinite where it is not shown on a terminal. */
  readonly columns: number
}

/** One of the standard streams. */
export interface Output extends Look {
  readonly write: (text: string) => void
}
