import { dlopen, type FFITypeOrString } from 'bun:ffi'

/** The return codes of `nvmlReturn_t` (nvml.h) that are handled here. */
const SUCCESS = 0
const INVALID_ARGUMENT = 2
const NOT_SUPPORTED = 3
const NO_PERMISSION = 4
const NOT_FOUND = 6
const INSUFFICIENT_SIZE = 7
const FUNCTION_NOT_FOUND = 13
const NO_DATA = 21
const VERSION_MISMATCH = 25
const DEPRECATED = 26

/** Codes for a reading that this GPU does not have, or that this caller may not read. */
const NO_READING = [
  INVALID_ARGUMENT,
  NOT_SUPPORTED,
  NO_PERMISSION,
  NOT_FOUND,
  FUNCTION_NOT_FOUND,
  NO_DATA,
  VERSION_MISMATCH,
  DEPRECATED,
]

/** `NVML_FI_DEV_GET_GPU_RECOVERY_ACTION` and its values; 0 requires no action. */
const RECOVERY_ACTION = 230
const RECOVERY_ACTIONS = ['none', 'GPU reset', 'reboot', 'drain peer-to-peer', 'drain and GPU reset']

const BYTES_PER_MIB = 1024n * 1024n
const VALUE_NOT_AVAILABLE = 0xffff_ffff_ffff_ffffn

/** A failed NVML call; the message is NVML's own text for the code. */
export class NvmlFailure extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }

  /** The driver has no such reading of this GPU for this caller. Any other code is a fault of the GPU. */
  get isNoReading(): boolean {
    return NO_READING.includes(this.code)
  }

  /** The driver has no such reading of this GPU for any caller. */
  get isUnsupported(): boolean {
    return this.code === NOT_SUPPORTED || this.code === FUNCTION_NOT_FOUND
  }
}

/** `nvmlDevice_t`, a pointer owned by the library. */
export type Device = bigint

export interface DeviceMemory {
  readonly totalMb: number
  readonly usedMb: number
}

export interface DeviceProcess {
  readonly pid: number
  readonly memoryMb?: number
}

type Call = (...args: (number | bigint | NodeJS.TypedArray | null)[]) => number

/**
 * The NVIDIA Management Library, loaded from `path`; layouts and symbol versions are those of nvml.h 12.9. Throws an
 * `Error` with the dynamic loader's reason if it cannot be loaded. Every method may throw `NvmlFailure`. A symbol that
 * this driver's version lacks counts as "Function Not Found".
 *
 * Any call may crash or never return: use it only in its own process.
 */
export class NvmlLibrary {
  readonly #path: string
  readonly #calls = new Map<string, Call | null>()
  /** NVML's texts of the codes that were returned. Each lookup loads the library again. */
  readonly #texts = new Map<number, string>()

  constructor(path: string) {
    this.#path = path
    if (this.#find('nvmlInit_v2', []) === null) throw new Error(loadError(path) ?? `${path} is not NVML`)
  }

  init(): void {
    this.#call('nvmlInit_v2', [])
  }

  deviceCount(): number {
    const count = new Uint32Array(1)
    this.#call('nvmlDeviceGetCount_v2', ['ptr'], count)
    return first(count)
  }

  device(index: number): Device {
    const handle = new BigUint64Array(1)
    this.#call('nvmlDeviceGetHandleByIndex_v2', ['u32', 'ptr'], index, handle)
    return handle[0] ?? 0n
  }

  uuid(device: Device): string {
    return this.#text('nvmlDeviceGetUUID', device)
  }

  name(device: Device): string {
    return this.#text('nvmlDeviceGetName', device)
  }

  /** Without the memory that the driver reserves for itself, if it reports that separately (R510 and later). */
  memory(device: Device): DeviceMemory {
    // nvmlMemory_v2_t: u32 version; u64 total, reserved, free, used.
    const v2 = new DataView(new ArrayBuffer(40))
    v2.setUint32(0, v2.byteLength | (2 << 24), true)
    if (this.#try('nvmlDeviceGetMemoryInfo_v2', ['u64', 'ptr'], device, bytes(v2)) === SUCCESS) {
      return { totalMb: mib(v2.getBigUint64(8, true)), usedMb: mib(v2.getBigUint64(32, true)) }
    }
    // nvmlMemory_t: u64 total, free, used.
    const v1 = new BigUint64Array(3)
    this.#call('nvmlDeviceGetMemoryInfo', ['u64', 'ptr'], device, v1)
    return { totalMb: mib(v1[0] ?? 0n), usedMb: mib(v1[2] ?? 0n) }
  }

  utilizationPercent(device: Device): number {
    // nvmlUtilization_t: u32 gpu, memory.
    const rates = new Uint32Array(2)
    this.#call('nvmlDeviceGetUtilizationRates', ['u64', 'ptr'], device, rates)
    return first(rates)
  }

  temperatureC(device: Device): number {
    const degrees = new Uint32Array(1)
    const gpuDie = 0 // NVML_TEMPERATURE_GPU
    this.#call('nvmlDeviceGetTemperature', ['u64', 'u32', 'ptr'], device, gpuDie, degrees)
    return first(degrees)
  }

  powerW(device: Device): number {
    const milliwatts = new Uint32Array(1)
    this.#call('nvmlDeviceGetPowerUsage', ['u64', 'ptr'], device, milliwatts)
    return first(milliwatts) / 1000
  }

  migEnabled(device: Device): boolean {
    const current = new Uint32Array(1)
    this.#call('nvmlDeviceGetMigMode', ['u64', 'ptr', 'ptr'], device, current, new Uint32Array(1))
    return first(current) === 1
  }

  /** The action that the GPU needs before it can work again; undefined for none. Older drivers do not report it. */
  recoveryAction(device: Device): string | undefined {
    // nvmlFieldValue_t: u32 fieldId, scopeId; i64 timestamp, latency; u32 valueType, nvmlReturn; u64 value.
    const field = new DataView(new ArrayBuffer(40))
    field.setUint32(0, RECOVERY_ACTION, true)
    const code = this.#try('nvmlDeviceGetFieldValues', ['u64', 'i32', 'ptr'], device, 1, bytes(field))
    const result = code === SUCCESS ? field.getUint32(28, true) : code
    if (result !== SUCCESS) throw this.#failure(result)
    const action = field.getUint32(32, true)
    return action === 0 ? undefined : (RECOVERY_ACTIONS[action] ?? `action ${action}`)
  }

  /** One entry per process and MIG instance. `Graphics` has the processes that the other kinds omit. */
  processes(device: Device, kind: 'Compute' | 'MPSCompute' | 'Graphics'): DeviceProcess[] {
    const name = `nvmlDeviceGet${kind}RunningProcesses`
    const version = this.#find(`${name}_v3`, PROCESSES_ARGS) === null ? '_v2' : '_v3'
    for (let capacity = 63; ; ) {
      const list = new DataView(new ArrayBuffer(capacity * LARGEST_ENTRY))
      bytes(list).fill(UNTOUCHED)
      const count = new Uint32Array([capacity])
      const code = this.#try(name + version, PROCESSES_ARGS, device, count, bytes(list))
      if (code === SUCCESS) return first(count) === 0 ? [] : entries(list, first(count), capacity)
      if (code !== INSUFFICIENT_SIZE || capacity > MAX_PROCESSES) throw this.#failure(code)
      // Odd, as `entrySize` requires, and with room for processes that start in between.
      capacity = (Math.max(first(count), capacity) * 2) | 1
    }
  }

  #text(symbol: string, device: Device): string {
    const text = new Uint8Array(96) // NVML_DEVICE_NAME_V2_BUFFER_SIZE, NVML_DEVICE_UUID_V2_BUFFER_SIZE
    this.#call(symbol, ['u64', 'ptr', 'u32'], device, text, text.byteLength)
    const end = text.indexOf(0)
    return new TextDecoder().decode(text.subarray(0, end < 0 ? text.length : end))
  }

  #call(symbol: string, types: FFITypeOrString[], ...args: Parameters<Call>): void {
    const code = this.#try(symbol, types, ...args)
    if (code !== SUCCESS) throw this.#failure(code)
  }

  #try(symbol: string, types: FFITypeOrString[], ...args: Parameters<Call>): number {
    return this.#find(symbol, types)?.(...args) ?? FUNCTION_NOT_FOUND
  }

  /** Symbols are looked up one by one because one missing symbol makes the whole `dlopen` fail. */
  #find(symbol: string, args: FFITypeOrString[]): Call | null {
    let call = this.#calls.get(symbol)
    if (call === undefined) {
      try {
        call = dlopen(this.#path, { [symbol]: { args, returns: 'i32' } }).symbols[symbol] as Call
      } catch {
        call = null
      }
      this.#calls.set(symbol, call)
    }
    return call
  }

  #failure(code: number): NvmlFailure {
    const text = this.#texts.get(code) ?? errorText(this.#path, code)
    this.#texts.set(code, text)
    return new NvmlFailure(code, text)
  }
}

function errorText(path: string, code: number): string {
  try {
    const { symbols } = dlopen(path, { nvmlErrorString: { args: ['i32'], returns: 'cstring' } })
    return String(symbols.nvmlErrorString(code))
  } catch {
    return `NVML error ${code}`
  }
}

const PROCESSES_ARGS: FFITypeOrString[] = ['u64', 'ptr', 'ptr']
const MAX_PROCESSES = 100_000
const UNTOUCHED = 0xa5

// nvmlProcessInfo_t: u32 pid; u64 usedGpuMemory; u32 gpuInstanceId, computeInstanceId. Some R530 to R550
// drivers append a u64 under the very same symbol (XuehaiPan/nvitop#79, #226), and would write past the end
// of a list that has no room for it.
const ENTRY = 24
const LARGEST_ENTRY = 32

function entries(list: DataView, count: number, capacity: number): DeviceProcess[] {
  const size = entrySize(list, count, capacity)
  return Array.from({ length: Math.min(count, capacity) }, (_, i) => {
    const pid = list.getUint32(i * size, true)
    const used = list.getBigUint64(i * size + 8, true)
    return used === VALUE_NOT_AVAILABLE ? { pid } : { pid, memoryMb: mib(used) }
  })
}

/** Detected by the number of bytes that the driver has written: all its entries, or the whole list. */
function entrySize(list: DataView, count: number, capacity: number): number {
  const written = bytes(list).findLastIndex((byte) => byte !== UNTOUCHED) + 1
  return written === count * LARGEST_ENTRY || written === capacity * LARGEST_ENTRY ? LARGEST_ENTRY : ENTRY
}

/** Bun searches two places and reports the error of the second. The error of the first is the cause. */
function loadError(path: string): string | undefined {
  const RTLD_LAZY = 1
  for (const libc of ['libc.so.6', 'libdl.so.2']) {
    try {
      const { symbols } = dlopen(libc, {
        dlopen: { args: ['ptr', 'i32'], returns: 'ptr' },
        dlerror: { args: [], returns: 'cstring' },
      })
      if (symbols.dlopen(new TextEncoder().encode(`${path}\0`), RTLD_LAZY) !== null) return undefined
      return String(symbols.dlerror())
    } catch {
      // Before glibc 2.34 the loader's functions are in libdl.
    }
  }
  return undefined
}

function bytes(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer)
}

function first(values: Uint32Array): number {
  return values[0] ?? 0
}

function mib(value: bigint): number {
  return Number(value / BYTES_PER_MIB)
}
