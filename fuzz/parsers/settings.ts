import { settingsFrom } from '../../src/adapters/settings/config.ts'
import { storePlace } from '../../src/adapters/store/open.ts'
import { SETTINGS, type Settings } from '../../src/domain/settings.ts'
import { ARGUMENT_BYTES, type Parser } from '../parser.ts'
import { answerOf, verify } from '../soundness.ts'
import { checkSettings } from './configuration.ts'

const names = Object.keys(SETTINGS) as (keyof Settings)[]

/** The input as the value of each flag and variable. */
export const settings: Parser = {
  name: 'settings',
  seeds: [
    'sqlite:///var/lib/canhazgpu/pool.db',
    '1024',
    '10s',
    'true',
    'false',
    '1h30m',
    'user:password',
    'redis://h',
  ],
  words: [
    'sqlite://',
    '/',
    ':',
    '@',
    '?',
    '#',
    '%00',
    '..',
    '~',
    'true',
    'false',
    '1',
    's',
    'no',
    'off',
    '0',
  ],
  longest: ARGUMENT_BYTES,
  check(input) {
    for (const name of names) {
      const { env } = SETTINGS[name]
      for (const sources of [
        { flags: { [name]: input }, env: {} },
        { flags: {}, env: { [env]: input } },
      ]) {
        const read = answerOf(['usage', 'config-invalid'], () => settingsFrom(sources, []))
        if (read !== null) checkSettings(read)
      }
    }
    const place = answerOf(['config-invalid'], () => storePlace(input))
    verify(place === null || /^\/[^\0]+$/.test(place.path), 'the path is relative or has a NUL')
  },
}
