/** The range of `Date`, with a margin for clock corrections. A clock that was set back leads to before 1970. */
export const MOST_MILLIS = 8e15

/** PID_MAX_LIMIT of the kernel. kill(2) would take a larger number for another process, or for all. */
export const LARGEST_PID = 2 ** 22

/** Several times the size for the most waiters of many accounts. A larger one would keep every command busy. */
export const LONGEST_DOCUMENT = 32 * 1024 * 1024
