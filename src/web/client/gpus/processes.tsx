import type { ProcessDocument } from '../../../views/schemas/status.ts'

export function Processes({ processes }: { readonly processes: readonly ProcessDocument[] }) {
  return (
    <table class="processes">
      <thead>
        <tr>
          <th scope="col">PID</th>
          <th scope="col">User</th>
          <th scope="col">Program</th>
          <th scope="col" class="number">
            Memory
          </th>
        </tr>
      </thead>
      <tbody>
        {processes.map((process) => (
          <tr key={process.pid}>
            <td class="pid">{process.pid}</td>
            <td>{process.user ?? '?'}</td>
            <td class="program" title={process.name}>
              {process.name}
            </td>
            <td class="number">
              {process.memory_mb === undefined ? '–' : `${(process.memory_mb / 1_024).toFixed(1)} GB`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
