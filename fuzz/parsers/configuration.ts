import { settingsFrom } from '../../src/adapters/settings/config.ts'
import { parseConfig } from '../../src/adapters/settings/config-file.ts'
import type { Settings } from '../../src/domain/settings.ts'
import type { Parser } from '../parser.ts'
import { answerOf, isWhole, verify } from '../soundness.ts'

const KEYS = [
  'store',
  'memory-threshold',
  'probe-timeout',
  'memory.threshold',
  'no-color',
  'run.wait',
  'web.token',
  'web.basic',
]
const VALUES = ['sqlite:///tmp/pool.db', '1024', '10s', 'true', 'false', '30m', 'user:password', '12345678']

function configuration(ending: string, syntax: Pick<Parser, 'seeds' | 'words' | 'nesting' | 'json'>): Parser {
  return {
    name: `config-${ending}`,
    ...syntax,
    words: [...KEYS, ...VALUES, 'run', 'wait', 'web', ...syntax.words],
    longest: 64 * 1024,
    check(input) {
      const path = `/etc/canhazgpu/config.${ending}`
      // A wrong store is wrong usage.
      const settings = answerOf(['usage', 'config-invalid'], () =>
        settingsFrom({ flags: {}, env: {} }, [{ path, quotable: true, values: parseConfig(path, input) }]),
      )
      if (settings !== null) checkSettings(settings)
      verify(
        !('polluted' in {}) && Object.keys(Object.prototype).length === 0,
        'Object.prototype has changed',
      )
    },
  }
}

export function checkSettings(settings: Settings): void {
  verify(typeof settings.store === 'string' && settings.store !== '', `store ${settings.store}`)
  const { memoryThreshold } = settings
  verify(
    memoryThreshold === null || (isWhole(memoryThreshold) && memoryThreshold > 0),
    `${memoryThreshold} MB`,
  )
  verify(isWhole(settings.probeTimeout) && settings.probeTimeout >= 1000, `${settings.probeTimeout} ms`)
  verify(typeof settings.noColor === 'boolean', `no-color ${settings.noColor}`)
  for (const text of [settings.webToken, settings.webBasic]) {
    verify(
      text === null || (typeof text === 'string' && text.length >= 3),
      'an empty token or password is accepted',
    )
  }
}

export const configYaml = configuration('yaml', {
  seeds: [
    'store: sqlite:///tmp/pool.db\nmemory-threshold: 1024\nprobe-timeout: 10s\n',
    'run:\n  wait: true\nreserve:\n  wait: 30m\nweb:\n  token: "12345678"\n  basic: user:password\n',
    '# comment\n"run.wait": false\nweb.token: |\n  12345\n  67890\n',
    'base: &base {wait: 1h}\nrun: *base\nreserve: {<<: *base}\n',
    '{run: {wait: yes}, "memory-threshold": 5}\n',
    'memory-threshold: &a [*a]\n',
    'store: !!str 5\n---\nstore: x\n...\n',
    '? [complex, key]\n: {a: b}\n',
    'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\nstore: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n',
  ],
  words: [
    ...[
      ': ',
      '\n',
      '\n  ',
      '- ',
      '? ',
      '& ',
      '&a ',
      '*a',
      '<<: *a',
      '!!binary ',
      '!!float ',
      '!!js/function ',
    ],
    ...[
      '|\n ',
      '>-\n  ',
      '---\n',
      '...\n',
      '%YAML 1.2\n',
      '# ',
      '{',
      '}',
      '[',
      ']',
      ',',
      '~',
      '.inf',
      '.nan',
      "'",
    ],
    ...['0o17', '0x1F', '2001-12-14t21:59:43.10-05:00', '"\\ud800"', '\\x1b[31m', '!', '@', '`', '\t'],
  ],
  nesting: [
    ['[', ']'],
    ['{a: ', '}'],
    ['- ', ''],
    ['? ', ''],
    ['&a ', ''],
    ['!t ', ''],
    [' ', ''],
  ],
})

export const configToml = configuration('toml', {
  seeds: [
    'store = "sqlite:///tmp/pool.db"\nmemory-threshold = 1024\nprobe-timeout = "10s"\n',
    '[run]\nwait = true\n[reserve]\nwait = "30m"\n[web]\ntoken = "12345678"\nbasic = "user:password"\n',
    '# comment\n"run.wait" = false\nweb.token = """\n12345\n67890"""\n',
    'run = { wait = 1979-05-27T07:32:00Z }\n[[web]]\ntoken = [1, 2.5e3, inf, nan, 0x10]\n',
  ],
  words: [
    ...[
      ' = ',
      '\n',
      '[',
      ']',
      '[[',
      ']]',
      '{',
      '}',
      ',',
      '.',
      '"',
      "'",
      '"""',
      "'''",
      '#',
      '= true',
      '= inf',
      '= nan',
    ],
    ...[
      '1979-05-27',
      '07:32:00',
      '1979-05-27T00:32:00.999999-07:00',
      '\\u0000',
      '\\U00110000',
      '0xDEADBEEF',
      '1_0',
    ],
  ],
  nesting: [
    ['[', ']'],
    ['{a=', '}'],
    ['a.', ''],
    ['[[', ']]'],
  ],
})

export const configJson = configuration('json', {
  json: true,
  seeds: [
    '{"store": "sqlite:///tmp/pool.db", "memory-threshold": 1024, "probe-timeout": "10s"}',
    '{"run": {"wait": true}, "reserve": {"wait": "30m"}, "web": {"token": "12345678", "basic": "u:password"}}',
    '{"run.wait": false, "memory-threshold": "7"}',
  ],
  words: [
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '"',
    'null',
    'true',
    '"__proto__":',
    '\\ud800',
    '1e999',
    '-0',
    '//',
    '/*',
  ],
  nesting: [
    ['[', ']'],
    ['{"a":', '}'],
    ['{"memory-threshold":', '}'],
  ],
})
