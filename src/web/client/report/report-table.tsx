import type { ReportDocument } from '../../../views/schemas/usage.ts'
import { colorOf } from '../users.ts'

export function ReportTable({ report }: { readonly report: ReportDocument }) {
  const { users, total } = report
  const most = users[0]?.gpu_hours ?? 0
  return (
    <div class="report-users">
      <p class="panel-more">
        {date(report.from)} to {date(report.to)} · {report.total_reservations.toLocaleString()}{' '}
        {report.total_reservations === 1 ? 'reservation' : 'reservations'} by {report.unique_users}{' '}
        {report.unique_users === 1 ? 'user' : 'users'}
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">User</th>
            <th scope="col" class="number">
              GPU hours
            </th>
            <th scope="col" class="number">
              Share
            </th>
            <th scope="col" class="number">
              Run
            </th>
            <th scope="col" class="number">
              Manual
            </th>
          </tr>
        </thead>
        <tbody>
          {users.map((user) => (
            <tr key={user.user}>
              <th scope="row" class="report-user">
                <span class="swatch" style={{ backgroundColor: colorOf(user.user) }} aria-hidden="true" />
                <span class="report-name">{user.user}</span>
                <span class="share" aria-hidden="true">
                  <span
                    class="share-fill"
                    style={{
                      width: `${most === 0 ? 0 : (100 * user.gpu_hours) / most}%`,
                      backgroundColor: colorOf(user.user),
                    }}
                  />
                </span>
              </th>
              <td class="number">{hours(user.gpu_hours)}</td>
              <td class="number">{user.percentage.toFixed(1)} %</td>
              <td class="number">{user.run}</td>
              <td class="number">{user.manual}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">Total</th>
            <td class="number">{hours(total.gpu_hours)}</td>
            <td class="number">{total.percentage.toFixed(1)} %</td>
            <td class="number">{total.run}</td>
            <td class="number">{total.manual}</td>
          </tr>
        </tfoot>
      </table>
    </div>
  )
}

const hours = (value: number): string =>
  value.toLocaleString(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 })

const date = (text: string): string =>
  new Date(text).toLocaleDateString(undefined, { day: 'numeric', month: 'short', year: 'numeric' })
