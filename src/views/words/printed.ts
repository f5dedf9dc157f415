/** The output of a command. stdout has only the answer, and stderr has all notices. */
export interface Printed {
  readonly stdout?: string
  readonly stderr?: string
}

/** The place where text is displayed: a terminal, a file or a pipe. */
export interface Display {
  readonly color: boolean
  readonly terminal: boolean
  /** The maximum width of a line; infinite without a terminal. */
  readonly columns: number
}

/** One of the standard streams. */
export interface Output extends Display {
  readonly write: (text: string) => void
  /** Why some of the text is lost, such as a full disk; undefined if nothing is, or if nobody reads it. */
  readonly lost?: string | undefined
}
