/** The output of a command: stdout has only the answer, stderr has all notices. */
export interface Printed {
  readonly stdout?: string
  readonly stderr?: string
}

/** The properties of the place where text is printed. */
export interface Look {
  readonly color: boolean
  readonly terminal: boolean
  /** The maximum width of a line; infinite without a terminal. */
  readonly columns: number
}

/** One of the standard streams. */
export interface Output extends Look {
  readonly write: (text: string) => void
}
