import type { Dropper } from '../../domain/text/lost-variables.ts'

const VARIABLES = 'CUDA_VISIBLE_DEVICES'

/** The warning about a command that would see every GPU, with a remedy. */
export function lostVariablesWords(dropper: Dropper): string {
  switch (dropper) {
    case 'sudo':
      return `sudo drops ${VARIABLES}, so its command sees every GPU - use 'sudo --preserve-env=CUDA_VISIBLE_DEVICES,CUDA_DEVICE_ORDER,HIP_VISIBLE_DEVICES COMMAND'`
    case 'doas':
      return `doas drops ${VARIABLES}, so its command sees every GPU - add 'setenv { CUDA_VISIBLE_DEVICES CUDA_DEVICE_ORDER HIP_VISIBLE_DEVICES }' to doas.conf, or use 'doas canhazgpu run -- COMMAND'`
    case 'su':
      return `su with a login shell drops ${VARIABLES}, so its command sees every GPU - leave out '-' and '--login'`
    case 'tmux':
    case 'screen':
      return `${dropper} may start the command in a server that lacks ${VARIABLES} and outlives the reservation - use 'canhazgpu run -- COMMAND' inside ${dropper}`
    case 'ssh':
      return `ssh does not pass ${VARIABLES} on, and the GPUs of the other machine are not reserved - use 'ssh HOST canhazgpu run -- COMMAND'`
  }
}
