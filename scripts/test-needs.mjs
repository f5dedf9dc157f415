/** Programs that tests use besides Bun, the Debian package each comes in, and what for. */
export const TEST_NEEDS = [
  { program: 'gcc', package: 'gcc', why: 'compiles the stand-in driver library and the probe programs' },
  { file: '/usr/include/stdio.h', package: 'libc6-dev', why: 'the C headers for gcc' },
  { program: 'sqlite3', package: 'sqlite3', why: 'reads a pool as an administrator would' },
  { program: 'strace', package: 'strace', why: 'shows that commits are synced to disk' },
  { program: 'ps', package: 'procps', why: 'shows who is whose child' },
  { program: 'zsh', package: 'zsh', why: 'a shell that starts commands in its own way' },
  { program: 'mksh', package: 'mksh', why: 'another' },
  { program: 'busybox', package: 'busybox', why: 'another, as on small systems' },
  { program: 'zsh', package: 'zsh', why: 'completes commands' },
  { program: 'fish', package: 'fish', why: 'completes commands' },
  { program: 'chromium', package: 'chromium', why: 'opens the dashboard' },
]
