/** The range of `Date`, less a margin for clock corrections. A clock that was set back may show a time before 1970. */
export const MOST_MILLIS = 8e15

/** PID_MAX_LIMIT of the kernel. kill(2) would cut a larger number to 32 bits: to another pid, or to -1 for all. */
export const LARGEST_PID = 2 ** 22

/** Several times the document of many accounts with the most waiters. A larger one would slow down every command. */
export const LONGEST_DOCUMENT = 32 * 1024 * 1024
