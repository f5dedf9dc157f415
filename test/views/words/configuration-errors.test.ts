import { parseScenario } from '../../../src/adapters/gpu/fake/fake-scenario.ts'
import { settingsFrom } from '../../../src/adapters/settings/config.ts'
import { type ConfigFile, configFiles, parseConfig } from '../../../src/adapters/settings/config-file.ts'
import { withDefaults } from '../../../src/cli/options/configured.ts'
import { duration } from '../../../src/cli/options/kinds.ts'
import { checkKeys } from '../../../src/cli/options/known-keys.ts'
import { option } from '../../../src/cli/options/option.ts'
import { testErrors } from './error-line.ts'

const settingsOf = (values: ConfigFile['values'], quotable = true) =>
  settingsFrom({ flags: {}, env: {} }, [{ path: '/f.yaml', quotable, values }])

const NO_WARNING = () => {}

/** Reads a file that `--config` names. */
const named = (path: string) => configFiles([path], { configFile: path, warn: NO_WARNING })

/** Options of `reserve` with these values in a file. */
function configured(values: ConfigFile['values'], quotable = true): unknown {
  const own = [
    option('--duration <time>', '', { kind: duration }),
    option('--wait [duration]', '', { kind: duration }),
    option('--short', ''),
  ]
  const lookUp = ({ key }: { readonly key: string }) =>
    values[key] === undefined ? undefined : { value: values[key], where: `/f.yaml: ${key}`, quotable }
  return withDefaults({}, { command: 'reserve', own, lookUp, terminal: false })
}

const SCENARIO = 'docs/fake-gpus.md describes the format; CANHAZGPU_FAKE_USAGE names the file.'

testErrors([
  [
    'usage',
    'Invalid value for --store: "x" - expected sqlite:///absolute/path/to/pool.db, the path alone, or unix:///path/to/daemon.sock',
    () => settingsFrom({ flags: { store: 'x' }, env: {} }, []),
  ],
  [
    'usage',
    'Invalid value for /f.yaml: store: "x" - expected sqlite:///absolute/path/to/pool.db, the path alone, or unix:///path/to/daemon.sock',
    () => settingsOf({ store: 'x' }),
  ],
  [
    'config-invalid',
    'Invalid value for CANHAZGPU_PROBE_TIMEOUT: "10" - expected a duration such as 10s or 1m',
    () => settingsFrom({ flags: {}, env: { CANHAZGPU_PROBE_TIMEOUT: '10' } }, []),
  ],
  [
    'config-invalid',
    'Invalid value for /f.yaml: memory.threshold: -1 - expected a whole number of megabytes above zero, such as 1024',
    () => settingsOf({ 'memory.threshold': -1 }),
  ],
  [
    'config-invalid',
    'Invalid value for /f.yaml: no-color - expected true or false',
    () => settingsOf({ 'no-color': 'perhaps' }, false),
  ],
  [
    'config-invalid',
    'Invalid value for /f.yaml: web.token - expected a text of at least 8 characters',
    () => settingsOf({ 'web.token': 'short' }),
  ],
  [
    'config-invalid',
    "Invalid value for /f.yaml: web.basic - expected a text such as 'user:password'",
    () => settingsOf({ 'web.basic': 'secret' }),
  ],
  [
    'config-invalid',
    'Cannot parse the configuration /f.yaml: no valid YAML (line 2)',
    () => parseConfig('/f.yaml', 'a: 1\nb: [1\n'),
  ],
  [
    'config-invalid',
    'Invalid configuration /f.yaml: expected keys and values',
    () => parseConfig('/f.yaml', '- a'),
  ],
  [
    'config-invalid',
    `/f.json: gpus.9: expected an id from 0 to 1 - ${SCENARIO}`,
    () => parseScenario('{"gpus": {"9": {}}}', '/f.json', 2),
  ],
  ['config-invalid', `/f.json: expected JSON - ${SCENARIO}`, () => parseScenario('{', '/f.json', 2)],
  [
    'config-invalid',
    'Cannot read the configuration /no/such.yaml: No such file or directory',
    () => named('/no/such.yaml'),
  ],
  [
    'config-invalid',
    'Cannot read the configuration /dev/zero: it has more than 65536 bytes',
    () => named('/dev/zero'),
  ],
  [
    'config-invalid',
    "Unknown key 'memory-treshold' in /f.yaml - known keys: store, memory-threshold, memory.threshold, probe-timeout, no-color, web.token, web.basic, fleet, remote_hosts, host-name, and COMMAND.OPTION such as run.timeout",
    () => checkKeys([{ path: '/f.yaml', quotable: true, values: { 'memory-treshold': 5 } }], NO_WARNING),
  ],
  [
    'config-invalid',
    "/f.yaml: reserve.duration: Invalid duration 'soon': not a duration - use for example 30s, 30m, 2h, 1d, 0.5h or 1h30m",
    () => configured({ 'reserve.duration': 'soon' }),
  ],
  [
    'config-invalid',
    'Invalid value for /f.yaml: reserve.duration - use for example 30s, 30m, 2h, 1d, 0.5h or 1h30m',
    () => configured({ 'reserve.duration': 'soon' }, false),
  ],
  [
    'config-invalid',
    'Invalid value for /f.yaml: reserve.duration: […] - expected a time',
    () => configured({ 'reserve.duration': [1] }),
  ],
  [
    'config-invalid',
    'Invalid value for /f.yaml: reserve.short: perhaps - expected true or false',
    () => configured({ 'reserve.short': 'perhaps' }),
  ],
  [
    'config-invalid',
    'Invalid value for /f.yaml: reserve.wait: perhaps - expected true, false or a duration',
    () => configured({ 'reserve.wait': 'perhaps' }),
  ],
])
