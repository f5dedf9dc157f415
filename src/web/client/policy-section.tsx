import type { PolicyDocument, RuleDocument } from '../../views/schemas/policy.ts'
import type { Loaded } from './api.ts'
import { DOCUMENTATION } from './links.ts'
import { clockTime } from './time.ts'

interface PolicySectionProps {
  readonly policy: Loaded<PolicyDocument>
  readonly now: number
}

/** The rules in force, where each value comes from, who set it and when. */
export function PolicySection({ policy, now }: PolicySectionProps) {
  return (
    <section class="panel" aria-labelledby="policy-heading">
      <div class="panel-head">
        <h2 id="policy-heading">Policy</h2>
        <p class="panel-more">
          {policy.last?.advisory ? 'Advisory: every user of this pool can write its file. ' : ''}
          <a href={`${DOCUMENTATION}policy`}>What the rules mean</a>
        </p>
      </div>
      {policy.kind === 'failed' ? <p class="failure">Cannot load the policy: {policy.reason}</p> : null}
      {policy.last === null ? null : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard can scroll only an element that can have the focus
        <section class="scroll policy" tabIndex={0} aria-label="The rules in force">
          <table class="stacked">
            <thead>
              <tr>
                {['Rule', 'Value', 'For', 'Set by', 'Set at'].map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {policy.last.rules.map((rule) => (
                <RuleRow key={`${rule.rule} ${rule.source} ${rule.name}`} rule={rule} now={now} />
              ))}
            </tbody>
          </table>
        </section>
      )}
    </section>
  )
}

function RuleRow({ rule, now }: { readonly rule: RuleDocument; readonly now: number }) {
  return (
    <tr class={rule.source === 'default' ? 'is-default' : undefined}>
      <th scope="row">{rule.rule}</th>
      <td data-name="Value">
        {valueWords(rule)}
        {rule.rule === 'memory-threshold' ? ' MB' : ''}
      </td>
      <td data-name="For">{scopeWords(rule)}</td>
      <td data-name="Set by">{rule.set_by ?? ''}</td>
      <td data-name="Set at">{rule.set_at === undefined ? '' : clockTime(Date.parse(rule.set_at), now)}</td>
    </tr>
  )
}

export const valueWords = ({ value, rule }: Pick<RuleDocument, 'value' | 'rule'>): string =>
  value ?? (rule === 'default-duration' ? 'none' : 'no limit')

function scopeWords({ source, name }: RuleDocument): string {
  switch (source) {
    case 'default':
      return 'everyone (default)'
    case 'pool':
      return 'everyone'
    case 'group':
      return `each member of group ${name}`
    case 'account':
      return `account ${name}`
  }
}
