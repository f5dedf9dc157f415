/** What a date can tell, with room to follow a clock. A clock that was set back leads to before 1970. */
export const MOST_MILLIS = 8e15

/** PID_MAX_LIMIT of the kernel; a larger number would reach kill(2) as another, or as all processes. */
export const LARGEST_PID = 2 ** 22

/** Several times what the most waiters of many accounts need; a larger one would keep every command busy. */
export const LONGEST_DOCUMENT = 32 * 1024 * 1024
