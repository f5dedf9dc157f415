import { installService, plannedService, type ServiceAnswer, uninstallService } from '../../app/service.ts'
import { CanhazgpuError } from '../../domain/errors.ts'
import { DEFAULT_SOCKET } from '../../domain/settings.ts'
import { serviceDocument } from '../../views/documents/service-document.ts'
import { serviceText } from '../../views/words/service-answers.ts'
import { command } from '../command.ts'
import { absolutePath } from '../options/kinds.ts'
import { option } from '../options/option.ts'

const ACTIONS = ['install', 'uninstall'] as const
type Action = (typeof ACTIONS)[number]

export const service = command({
  examples: [
    'sudo canhazgpu service install',
    'canhazgpu service install --dry-run',
    'sudo canhazgpu service uninstall',
  ],
  operand: {
    name: 'action',
    placeholder: ACTIONS.join('|'),
    kind: { read: readAction, candidates: () => ACTIONS },
  },
  options: [
    option(
      '--socket <path>',
      `Socket at which commands reach the daemon (default: that of the configuration, else ${DEFAULT_SOCKET})`,
      {
        kind: absolutePath,
        onlyTyped: true,
      },
    ),
    option('--pool <path>', 'Database that moves into the daemon (default: the pool of the configuration)', {
      kind: absolutePath,
      onlyTyped: true,
    }),
    option('--dry-run', 'Only print the unit and the line of the configuration', { onlyTyped: true }),
  ],
  async handle({ action, socket, pool, dryRun }, context): Promise<ServiceAnswer> {
    const found = await context.serviceMachine()
    const place = { socket: socket ?? found.place.socket, pool: pool ?? found.place.pool }
    if (dryRun === true) return plannedService(found.machine, place)
    return action === 'install'
      ? installService(found.machine, place)
      : uninstallService(found.machine, place)
  },
  text: (answer) => ({ stdout: serviceText(answer) }),
  json: serviceDocument,
})

function readAction(name: string): Action {
  const action = ACTIONS.find((each) => each === name)
  if (action !== undefined) return action
  throw new CanhazgpuError('usage', `Unknown action '${name}' - expected one of ${ACTIONS.join(', ')}`)
}
