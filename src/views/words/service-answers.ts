import type { ServiceAnswer } from '../../app/service.ts'

export function serviceText(answer: ServiceAnswer): string {
  switch (answer.kind) {
    case 'planned':
      return planned(answer)
    case 'installed':
      return installed(answer)
    case 'uninstalled':
      return uninstalled(answer)
  }
}

const planned = ({ unit, unitText, configuration, socket }: ServiceAnswer): string =>
  `# ${configuration} gets the line:
# store: unix://${socket}
# ${unit} is:
${unitText}`

function installed({ pool, moved, configuration, socket, unit }: ServiceAnswer): string {
  const move = moved
    ? `Moved the pool ${pool} into the daemon: reservations, queue and history are kept\n`
    : ''
  const start =
    unit === null
      ? `systemd does not run here: start 'canhazgpu daemon --keep-trying --socket=${socket} --pool=${pool}' as root, now and at every boot\n`
      : `Started ${unit}\n`
  return `${move}All users reach the daemon by ${configuration}\n${start}`
}

function uninstalled({ pool, moved, configuration, unit }: ServiceAnswer): string {
  const move = moved ? `Opened the pool ${pool} to its users: reservations, queue and history are kept\n` : ''
  const stop = unit === null ? '' : `Stopped and removed ${unit}\n`
  return `${stop}${move}${configuration} does not name the daemon any more\nRunning jobs keep their GPUs and their time limits\n`
}
