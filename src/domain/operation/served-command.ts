/**
 * A command line that the daemon performs as a whole. Its client loads no command, and only prints the result. The daemon
 * runs the same code as the client would.
 */
export interface ServedCommand {
  readonly words: readonly string[]
  /** The version of the client. */
  readonly version: string
  /** The id of what the command reserves. If no answer arrives, the client performs the command itself with this id. */
  readonly id: string
  /** Names the time zone of the client. */
  readonly timeZone: string
  /** The configuration of the machine as the client sees it; null if there is none. */
  readonly machineConfiguration: string | null
  /** The pool, if the client has it from that configuration. */
  readonly machineStore: string | null
  readonly stdout: ServedDisplay
  readonly stderr: ServedDisplay
}

export interface ServedDisplay {
  readonly terminal: boolean
  readonly color: boolean
  /** Null: infinite. */
  readonly columns: number | null
}

/** What the client prints, in this order, and its exit status. */
export interface ServedResult {
  readonly printed: readonly (readonly [fd: 1 | 2, text: string])[]
  readonly status: number
}

/** The commands that are typed often, and whose time is mostly that of loading their code. */
const SERVED = ['status', 'reserve']

const MOST_WORDS = 16
const LONGEST = 512

/** Whether the daemon may be able to perform this command line. It parses the words, so they are few and short. */
export const mayBeServed = (words: readonly string[]): boolean =>
  SERVED.includes(words[0] ?? '') && words.length <= MOST_WORDS && words.join(' ').length <= LONGEST

/** Whether the command may be granted GPUs. */
export const mayReserve = ({ words }: ServedCommand): boolean => words[0] !== 'status'
