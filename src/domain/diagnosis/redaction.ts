/** What a bundle must not show. Each secret of a kind gets a number: `user-1`. */
export type SecretKind = 'user' | 'host' | 'note' | 'command'

/** Accounts of the system say nothing about people. */
const NOT_SECRET = new Set(['', 'root', 'unknown'])

/** Replaces secrets by the same alias everywhere. All secrets must be added before the first text is replaced. */
export class Redaction {
  readonly #aliases = new Map<string, string>()
  readonly #counts = new Map<SecretKind, number>()
  #pattern: RegExp | undefined

  hide(kind: SecretKind, secret: string): void {
    const text = secret.trim()
    if (NOT_SECRET.has(text) || this.#aliases.has(text)) return
    const count = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, count)
    this.#aliases.set(text, `${kind}-${count}`)
    this.#pattern = undefined
  }

  /** Hides the names of home folders too. */
  hideHomes(text: string): void {
    for (const [, name = ''] of text.matchAll(/\/home\/([^/\s:"',]+)/g)) this.hide('user', name)
  }

  text(text: string): string {
    if (this.#aliases.size === 0) return text
    this.#pattern ??= patternOf([...this.#aliases.keys()])
    return text.replace(this.#pattern, (found) => this.#aliases.get(found) ?? found)
  }

  /** A JSON value with every text replaced. Its keys stay. */
  value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value)
    if (Array.isArray(value)) return value.map((each) => this.value(each))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.value(each)]))
  }
}

/** A secret is a whole word, so that the user `al` does not change `available`. Longer secrets come first. */
function patternOf(secrets: readonly string[]): RegExp {
  const longestFirst = secrets.toSorted((a, b) => b.length - a.length).map((secret) => RegExp.escape(secret))
  return new RegExp(`(?<![\\p{L}\\p{N}_])(?:${longestFirst.join('|')})(?![\\p{L}\\p{N}_])`, 'gu')
}

const KINDS: Readonly<Record<string, SecretKind>> = {
  user: 'user',
  users: 'user',
  account: 'user',
  by: 'user',
  set_by: 'user',
  unreserved_users: 'user',
  other_users: 'user',
  group: 'user',
  host: 'host',
  server: 'host',
  note: 'note',
  model: 'command',
}

/** Hides what the fields of a JSON document of this program say about people. */
export function hideFields(value: unknown, redaction: Redaction, parent = ''): void {
  if (Array.isArray(value)) {
    for (const each of value) {
      if (typeof each === 'string') hideField(parent, each, redaction)
      else hideFields(each, redaction, parent)
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, each] of Object.entries(value)) {
      if (typeof each === 'string') hideField(key, each, redaction, parent)
      else hideFields(each, redaction, key)
    }
  }
}

function hideField(key: string, text: string, redaction: Redaction, parent = ''): void {
  const kind = kindOf(key, parent)
  if (kind === undefined) return
  // A shown name can be followed by the account: `ann (ben)`.
  const [, shown, account] = /^(.*) \((.*)\)$/.exec(text) ?? []
  if (kind === 'user' && shown !== undefined && account !== undefined) {
    redaction.hide(kind, shown)
    redaction.hide(kind, account)
  } else redaction.hide(kind, text)
}

function kindOf(key: string, parent: string): SecretKind | undefined {
  if (key === 'name') return parent === 'processes' ? 'command' : parent === 'rules' ? 'user' : undefined
  if (key === 'reason' && parent === 'drain') return 'note'
  return KINDS[key]
}
