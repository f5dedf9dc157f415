/** Programs that do not pass the GPU variables to their command. */
export type Dropper = 'sudo' | 'doas' | 'su' | 'tmux' | 'screen' | 'ssh'

/**
 * The program at the start of a command, if it drops the environment or starts its own command elsewhere. That command
 * would see every GPU. Undefined if the command gets the variables, as far as its words show.
 */
export function dropperIn([program = '', ...args]: readonly string[]): Dropper | undefined {
  const name = program.slice(program.lastIndexOf('/') + 1)
  switch (name) {
    case 'sudo':
      return ownFlags(args, SUDO_FLAGS_WITH_VALUE).some(keepsEnvironment) ? undefined : name
    case 'su':
      return args.some(isLogin) ? name : undefined
    case 'doas':
    case 'tmux':
    case 'screen':
    case 'ssh':
      return name
    default:
      return undefined
  }
}

/** Flags of sudo(8) whose value may be the next word. */
const SUDO_FLAGS_WITH_VALUE =
  /^-[A-Za-z]*[CDghpRrTtUu]$|^--(chdir|chroot|close-from|command-timeout|group|host|other-user|prompt|role|type|user)$/

/** The flags before the first word that is not a flag. */
function ownFlags(args: readonly string[], withValue: RegExp): readonly string[] {
  const flags: string[] = []
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? ''
    if (!word.startsWith('-') || word === '--') break
    flags.push(word)
    if (withValue.test(word)) at++
  }
  return flags
}

const keepsEnvironment = (flag: string): boolean =>
  /^-[A-Za-z]*E/.test(flag) || flag.startsWith('--preserve-env')

const isLogin = (word: string): boolean => word === '-' || word === '--login' || /^-[a-z]*l/.test(word)
