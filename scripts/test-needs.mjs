import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Programs that tests use besides Bun, the Debian package of each, and the reason. */
export const TEST_NEEDS = [
  { program: 'gcc', package: 'gcc', why: 'compiles the stand-in driver library and the probe programs' },
  { file: '/usr/include/stdio.h', package: 'libc6-dev', why: 'the C headers for gcc' },
  { program: 'sqlite3', package: 'sqlite3', why: 'reads a pool as an administrator would' },
  { program: 'strace', package: 'strace', why: 'shows that commits are synced to disk' },
  { program: 'ps', package: 'procps', why: 'shows the parent of a process' },
  { program: 'perl', package: 'perl', why: 'makes system calls that a shell cannot' },
  { program: 'python3', package: 'python3', why: 'starts commands with unusual signals and descriptors' },
  { program: 'zsh', package: 'zsh', why: 'another shell, which also completes commands' },
  { program: 'mksh', package: 'mksh', why: 'another shell' },
  { program: 'busybox', package: 'busybox', why: 'another shell, as on small systems' },
  { program: 'fish', package: 'fish', why: 'completes commands' },
  { program: 'chromium', package: 'chromium', why: 'opens the dashboard' },
  { program: 'redis-server', package: 'redis-server', why: 'is the notice board of several hosts' },
  { program: 'ip', package: 'iproute2', why: 'gives each host a network of its own' },
  { program: 'nft', package: 'nftables', why: 'loses packets' },
  { program: 'openssl', package: 'openssl', why: 'makes the certificate of a server' },
  { program: 'script', package: 'bsdutils', why: 'gives a command a terminal' },
  { file: '/lib/systemd/systemd', package: 'systemd', why: 'runs the service in a container' },
  { program: 'useradd', package: 'passwd', why: 'creates the users of a test' },
  { program: 'unshare', package: 'util-linux', why: 'creates namespaces' },
  { program: 'nsenter', package: 'util-linux', why: 'starts a command in a namespace' },
  { program: 'setpriv', package: 'util-linux', why: 'runs commands as another user' },
  { program: 'setsid', package: 'util-linux', why: 'starts a command in a new session' },
  { program: 'su', package: 'util-linux', why: 'starts a login shell on a terminal of another user' },
  { program: 'ssh', package: 'openssh-client', why: 'runs commands on another host' },
  { program: 'sshd', package: 'openssh-server', why: 'the other host' },
  { program: 'sudo', package: 'sudo', why: 'starts such a shell differently' },
]

/** Programs for `npm run test:packages`. */
export const PACKAGE_NEEDS = [
  { program: 'go', package: 'golang-go', why: 'runs nfpm, which makes .deb and .rpm' },
  { program: 'dpkg', package: 'dpkg', why: 'installs a .deb' },
  { program: 'rpm', package: 'rpm', why: 'installs an .rpm' },
  { program: 'curl', package: 'curl', why: 'downloads a release' },
  { program: 'wget', package: 'wget', why: 'downloads a release where curl is missing' },
  { program: 'qemu-aarch64-static', package: 'qemu-user-static', why: 'runs the executable for arm64' },
  { file: '/usr/aarch64-linux-gnu/lib/libc.so.6', package: 'libc6-arm64-cross', why: 'its C library' },
  { file: '/usr/lib/x86_64-linux-musl/libc.so', package: 'musl', why: 'the other C library' },
  { program: 'pip3', package: 'python3-pip', why: 'downloads the C++ library for musl' },
  {
    file: '/usr/share/bash-completion/bash_completion',
    package: 'bash-completion',
    why: 'loads a completion',
  },
  { program: 'groff', package: 'groff-base', why: 'formats man pages' },
  { program: 'man', package: 'man-db', why: 'shows man pages' },
  { program: 'mandoc', package: 'mandoc', why: 'checks man pages, and formats them elsewhere' },
  { program: 'nm', package: 'binutils', why: 'lists the functions of a library' },
]

/** The PATH of an ordinary user often lacks these folders, which contain `useradd` and the tools of dpkg. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** The PATH for the tests. */
export const testPath = [...new Set([...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS])].join(
  delimiter,
)

/**
 * Installs missing packages, as root or with a `sudo` that needs no password.
 *
 * @returns the packages that are still missing
 */
export function installNeeds(needs = TEST_NEEDS) {
  const missing = needs.filter((need) => !isInstalled(need))
  if (missing.length === 0) return []
  for (const need of missing) console.error(`Missing for the tests: ${need.package} - ${need.why}`)
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  if (mayInstall(sudo)) {
    install([...sudo, 'apt-get', 'update', '-q'])
    install([...sudo, 'apt-get', 'install', '-qy', '--no-install-recommends', ...packagesOf(missing)])
  }
  return packagesOf(missing.filter((need) => !isInstalled(need)))
}

const packagesOf = (needs) => [...new Set(needs.map((need) => need.package))]

function isInstalled({ program, file }) {
  if (file !== undefined) return existsSync(file)
  return testPath.split(delimiter).some((folder) => existsSync(join(folder, program)))
}

function mayInstall(sudo) {
  const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0
  return works('apt-get', '--version') && (sudo.length === 0 || works(...sudo, 'true'))
}

/** Ignores the exit status: the caller checks afterwards which packages are still missing. */
function install([command, ...args]) {
  console.error(`$ ${[command, ...args].join(' ')}`)
  const env = { ...process.env, PATH: testPath, DEBIAN_FRONTEND: 'noninteractive' }
  spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env })
}
