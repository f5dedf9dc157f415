import { close, F_DUPFD_CLOEXEC, fcntl, pipe } from './libc/descriptors.ts'
import { errorText, symbolsOf } from './libc/library.ts'
import { type ByteText, cBytes, pointers } from './libc/memory.ts'
import { FILE_ACTIONS_BYTES } from './libc/programs.ts'
import { socketPair } from './libc/sockets.ts'

/** A program to start as a child of this process, with arguments and environment of any bytes. */
export interface Spawn {
  /** With a slash; otherwise it is looked up in our PATH. */
  readonly program: ByteText
  /** Its name first. */
  readonly args: readonly ByteText[]
  readonly environment: readonly ByteText[]
  /** Our descriptors that become 0, 1, 2 … of the child; each is above 2. */
  readonly descriptors: readonly number[]
  /** Whether it gets its own process group: then the keys of our terminal send it no signal. */
  readonly ownGroup: boolean
}

/** Larger than `posix_spawnattr_t` in any C library. */
const ATTRIBUTES_BYTES = 512
const SETPGROUP = 2
const SETSIGDEF = 4
const SETSIGMASK = 8
/**
 * All signals but 9 and 19, which cannot change. 32 and 33 belong to the C library, which otherwise ignores them in a child.
 */
const CHANGEABLE_SIGNALS = ~((1n << 8n) | (1n << 18n)) & 0xffff_ffff_ffff_ffffn

/** Starts a child with the default for every signal; returns its pid, or a negated errno. */
export function spawn({ program, args, environment, descriptors, ownGroup }: Spawn): number {
  const c = functions()
  const actions = new Uint8Array(FILE_ACTIONS_BYTES)
  c.posix_spawn_file_actions_init(actions)
  for (const [at, fd] of descriptors.entries()) c.posix_spawn_file_actions_adddup2(actions, fd, at)
  const attributes = new Uint8Array(ATTRIBUTES_BYTES)
  c.posix_spawnattr_init(attributes)
  c.posix_spawnattr_setflags(attributes, SETSIGDEF | SETSIGMASK | (ownGroup ? SETPGROUP : 0))
  c.posix_spawnattr_setsigdefault(attributes, signalSet(CHANGEABLE_SIGNALS))
  c.posix_spawnattr_setsigmask(attributes, signalSet(0n))
  const pid = new Int32Array(1)
  const path = cBytes(program)
  const argv = pointers(args)
  const envp = pointers(environment)
  // posix_spawnp(3) returns an errno.
  const failure = c.posix_spawnp(pid, path, actions, attributes, argv.array, envp.array)
  c.posix_spawnattr_destroy(attributes)
  c.posix_spawn_file_actions_destroy(actions)
  return failure === 0 ? (pid[0] ?? -1) : -failure
}

/** Both ends of a new pipe, close-on-exec and above the standard streams. */
export function newPipe(): { readonly reading: number; readonly writing: number } {
  const [reading = -1, writing = -1] = bothEnds(pipe)
  return { reading, writing }
}

/** Two connected sockets, close-on-exec and above the standard streams. */
export function newSocketPair(): readonly [number, number] {
  const [one = -1, other = -1] = bothEnds(socketPair)
  return [one, other]
}

/** Signal N of a wait status, or the exit status (wait(2)). */
export function endOf(status: number): { readonly code: number } | { readonly signal: number } {
  const signal = status & 0x7f
  return signal === 0 ? { code: (status >> 8) & 0xff } : { signal }
}

function bothEnds(make: (ends: Int32Array<ArrayBuffer>) => number): readonly number[] {
  const ends = new Int32Array(2)
  const failure = make(ends)
  if (failure < 0) throw new Error(`cannot make a pipe: ${errorText(-failure)}`)
  return [...ends].map(aboveStreams)
}

function aboveStreams(fd: number): number {
  if (fd > 3) return fd
  const copy = fcntl(fd, F_DUPFD_CLOEXEC, 4)
  close(fd)
  return copy
}

/** A `sigset_t`. */
function signalSet(signals: bigint): BigUint64Array<ArrayBuffer> {
  const set = new BigUint64Array(16)
  set[0] = signals
  return set
}

let loaded: ReturnType<typeof load> | undefined

/** Loaded at the first use, because short commands do without them. */
function functions() {
  loaded ??= load()
  return loaded
}

const load = () =>
  symbolsOf('libc.so.6', {
    posix_spawn_file_actions_adddup2: { args: ['ptr', 'int', 'int'], returns: 'int' },
    posix_spawn_file_actions_destroy: { args: ['ptr'], returns: 'int' },
    posix_spawn_file_actions_init: { args: ['ptr'], returns: 'int' },
    posix_spawnattr_destroy: { args: ['ptr'], returns: 'int' },
    posix_spawnattr_init: { args: ['ptr'], returns: 'int' },
    posix_spawnattr_setflags: { args: ['ptr', 'i16'], returns: 'int' },
    posix_spawnattr_setsigdefault: { args: ['ptr', 'ptr'], returns: 'int' },
    posix_spawnattr_setsigmask: { args: ['ptr', 'ptr'], returns: 'int' },
    posix_spawnp: { args: ['ptr', 'ptr', 'ptr', 'ptr', 'ptr', 'ptr'], returns: 'int' },
  })
