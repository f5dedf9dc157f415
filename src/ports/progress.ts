/** Called while a task runs, with the part of it that is done, from 0 to 1. Must not throw. */
export type OnPart = (part: number) => void
