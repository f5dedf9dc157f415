import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'

/** An authority, and a certificate from it for the server at 127.0.0.1, as files in PEM. */
export interface Certificates extends Disposable {
  readonly folder: string
  readonly ca: string
  /** Options of `redis-server` for TLS without certificates of clients. */
  readonly options: readonly string[]
}

export function certificates(): Certificates {
  const folder = mkdtempSync(`${tmpdir()}/tls-`)
  const openssl = (...words: string[]) => {
    const made = Bun.spawnSync(['openssl', ...words], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
    if (made.exitCode !== 0) throw new Error(`openssl failed: ${made.stderr}`)
  }
  const key = (name: string) => ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`]
  openssl('req', '-x509', ...key('ca'), '-days', '2', '-subj', '/CN=authority', '-out', 'ca.pem')
  const name = ['-subj', '/CN=board', '-addext', 'subjectAltName=IP:127.0.0.1']
  openssl('req', ...key('server'), ...name, '-out', 'server.csr')
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy']
  openssl('x509', '-req', '-in', 'server.csr', ...signed, '-days', '2', '-out', 'server.pem')
  const ca = `${folder}/ca.pem`
  return {
    folder,
    ca,
    options: [
      ...['--port', '0', '--tls-port', 'PORT', '--tls-auth-clients', 'no', '--tls-ca-cert-file', ca],
      ...['--tls-cert-file', `${folder}/server.pem`, '--tls-key-file', `${folder}/server.key`],
    ],
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
