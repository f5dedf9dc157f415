import { writeFileSync } from 'node:fs'
import manifest from '../package.json'
import type { Packing } from './main.ts'
import { must } from './programs.ts'
import { COMPLETIONS, DOCUMENTS, filesOf } from './tree.ts'

/** Later versions cannot be installed from every Go proxy. */
const NFPM = 'github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2'

/** Bun needs this C library. */
const GLIBC = '2.17'

export type Format = 'deb' | 'rpm'

/** Makes a `.deb` or `.rpm` of a tree. */
export async function systemPackage(format: Format, goArch: string, packing: Packing): Promise<void> {
  const config = `${packing.tree}.${format}.json`
  writeFileSync(config, JSON.stringify(configuration(format, goArch, packing)))
  await must('go', 'run', NFPM, 'package', '--config', config, '--packager', format, '--target', packing.out)
}

function configuration(format: Format, goArch: string, { tree, time, isQuick }: Packing) {
  const mtime = new Date(time * 1000).toISOString()
  const contents = filesOf(tree).map((path) => ({
    src: `${tree}/${path}`,
    dst: placeOf(path, format),
    file_info: { mode: path.startsWith('bin/') ? 0o755 : 0o644, mtime },
  }))
  return {
    name: 'canhazgpu',
    arch: goArch,
    platform: 'linux',
    version: manifest.version,
    release: '1',
    section: 'admin',
    priority: 'optional',
    maintainer: 'The canhazgpu authors <authors@canhazgpu.invalid>',
    description: manifest.description,
    license: manifest.license,
    mtime,
    contents,
    scripts: {
      postinstall: 'packaging/scripts/postinstall.sh',
      preremove: 'packaging/scripts/preremove.sh',
      ...(format === 'deb' ? { postremove: 'packaging/scripts/postremove.sh' } : {}),
    },
    deb: { compression: isQuick ? 'none' : 'xz' },
    rpm: { compression: isQuick ? 'gzip:1' : 'xz', buildhost: 'localhost', group: 'System Environment/Base' },
    overrides: {
      deb: { depends: [`libc6 (>= ${GLIBC})`] },
      rpm: { depends: [`glibc >= ${GLIBC}`] },
    },
  }
}

function placeOf(path: string, format: Format): string {
  if (format === 'deb' && path === COMPLETIONS.zsh) return '/usr/share/zsh/vendor-completions/_canhazgpu'
  if (path === 'LICENSE' && format === 'deb') return '/usr/share/doc/canhazgpu/copyright'
  if (DOCUMENTS.some((name) => name === path)) return `/usr/share/doc/canhazgpu/${path}`
  return `/usr/${path}`
}
