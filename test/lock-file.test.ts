import { expect, test } from 'bun:test'
import manifest from '../package.json'
import lock from '../package-lock.json'

/** An entry of the lock file, version 3. */
interface Entry {
  readonly version?: string
  readonly resolved?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const entries = Object.entries<Entry>(lock.packages)

test('the lock file has every package of every platform, as `npm ci` requires', () => {
  const missing = entries.flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !isFound(name, path))
      .map((name) => `${name}, of ${path}`),
  )
  expect(missing).toEqual([])
})

test('the lock file has the versions of package.json', () => {
  const { dependencies, devDependencies } = lock.packages['']
  expect({ dependencies, devDependencies }).toEqual({
    dependencies: manifest.dependencies,
    devDependencies: manifest.devDependencies,
  })
})

test('the lock file names no registry', () => {
  expect(entries.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([])
})

/** Node searches the `node_modules` of the package, then of every folder above. */
function isFound(name: string, path: string): boolean {
  const above = path
    .split('/node_modules/')
    .map((_, depth, parts) => parts.slice(0, depth + 1).join('/node_modules/'))
  return ['', ...above].some(
    (folder) => `${folder === '' ? '' : `${folder}/`}node_modules/${name}` in lock.packages,
  )
}
