/** The list of all examples that no test types, by page and first line, with the reason. */
export const NOT_RUN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'README.md': {
    'npm install': 'builds the checkout from npm; test/quickstart.test.ts runs the second line',
    'sudo install -m 755 dist/canhazgpu /usr/local/bin/canhazgpu':
      'changes /usr/local of this machine; the quick start types the second line',
  },
  'docs/commands/service.md': {
    'sudo canhazgpu service install': 'changes systemd and /etc; test/machine types it in a container',
    'sudo canhazgpu service uninstall': 'changes systemd and /etc; test/machine types it in a container',
  },
  'docs/containers.md': {
    'docker run --rm -it --init --gpus all \\': 'needs an image; test/machine runs commands in namespaces',
  },
  'docs/fleet.md': {
    'sudo mkdir -p /etc/canhazgpu': 'changes /etc of this machine, and needs a server with a password',
    'ssh gpu3 canhazgpu --version': 'needs SSH servers; test/fleet has them',
    'canhazgpu run --host gpu1 --gpus 4 --wait -- python train.py': 'needs SSH servers; test/fleet has them',
    'canhazgpu run --host any --gpus 4 --wait -- python train.py': 'needs SSH servers; test/fleet has them',
  },
  'docs/how-it-works.md': {
    "sqlite3 -readonly /var/lib/canhazgpu/pool.db 'SELECT * FROM gpus'": 'needs the SQLite shell',
  },
  'docs/performance.md': {
    'sudo bash bench/real-gpu.sh dist/canhazgpu /tmp/real-gpu': 'needs a GPU, and takes minutes',
  },
  'docs/simulation.md': {
    'npm run simulate': 'takes an hour; test/simulation runs a part of it',
  },
  'docs/torture.md': {
    'npm run torture': 'takes an hour; test/torture runs a part of it',
  },
}

/** Pages that a test of their own types. */
export const TYPED_ELSEWHERE: Readonly<Record<string, string>> = {
  'README.md': 'test/readme.test.ts',
  'docs/agents.md': 'test/agents.test.ts',
  'docs/troubleshooting.md': 'test/docs/troubleshooting.test.ts',
}
