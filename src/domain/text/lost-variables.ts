const VARIABLES = 'CUDA_VISIBLE_DEVICES'

/**
 * A warning for a command that starts with a program known to drop the environment or to start its own command
 * elsewhere: that command would see every GPU. Undefined where the variables arrive, as far as the words show.
 */
export function lostVariables([program = '', ...args]: readonly string[]): string | undefined {
  const name = program.slice(program.lastIndexOf('/') + 1)
  switch (name) {
    case 'sudo':
      if (ownFlags(args, SUDO_FLAGS_WITH_VALUE).some(keepsEnvironment)) return undefined
      return `sudo drops ${VARIABLES}, so its command sees every GPU - use 'sudo --preserve-env=CUDA_VISIBLE_DEVICES,CUDA_DEVICE_ORDER,HIP_VISIBLE_DEVICES COMMAND'`
    case 'doas':
      return `doas drops ${VARIABLES}, so its command sees every GPU - add 'setenv { CUDA_VISIBLE_DEVICES CUDA_DEVICE_ORDER HIP_VISIBLE_DEVICES }' to doas.conf, or use 'doas canhazgpu run -- COMMAND'`
    case 'su':
      if (!args.some(isLogin)) return undefined
      return `su with a login shell drops ${VARIABLES}, so its command sees every GPU - leave out '-' and '--login'`
    case 'tmux':
    case 'screen':
      return `${name} may start the command in a server that lacks ${VARIABLES} and outlives the reservation - use 'canhazgpu run -- COMMAND' inside ${name}`
    case 'ssh':
      return `ssh does not pass ${VARIABLES} on, and the GPUs of the other machine are not reserved - use 'ssh HOST canhazgpu run -- COMMAND'`
    default:
      return undefined
  }
}

/** Flags of sudo(8) whose value may be the next word. */
const SUDO_FLAGS_WITH_VALUE =
  /^-[A-Za-z]*[CDghpRrTtUu]$|^--(chdir|chroot|close-from|command-timeout|group|host|other-user|prompt|role|type|user)$/

/** The flags before the first word that is none. */
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
