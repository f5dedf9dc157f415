/*
 * A libnvidia-ml.so.1 without a GPU. It simulates the machine described in the file that STANDIN_NVML
 * names, by default the file nvml.txt beside the library, one fact per line; layouts and symbols are those of nvml.h 12.9. Variants, by macro:
 *   OLD_DRIVER    without the _v3 process lists, nvmlDeviceGetMemoryInfo_v2, nvmlDeviceGetMigMode and the
 *                 field of the recovery action (R460)
 *   WIDE_PROCESS  with the 32 byte nvmlProcessInfo_t of some R530 to R550 drivers
 *
 *   init CODE               nvmlInit_v2 returns CODE
 *   delay MILLISECONDS      nvmlInit_v2 takes that long
 *   hang | crash | print    nvmlInit_v2 never returns | segfaults | prints to stdout
 *   survive                 the process outlives its parent, as one in an uninterruptible sleep
 *   linger MILLISECONDS     the process can be seen that long after its end, as one whose memory the driver still frees
 *   half                    nvmlInit_v2 prints half an answer and kills the process
 *   log FILE                nvmlInit_v2 adds a line with the pid to FILE
 *   live                    nvmlDeviceGetCount_v2 reads the file again and does what nvmlInit_v2 does
 *   gpu I KEY VALUE         KEY: uuid name total used reserved util temp power mig recovery, or
 *                           CALL-error CODE for
 *                           the calls handle uuid memory util temp power processes fields
 *   process I KIND PID BYTES [INSTANCE]   KIND: compute graphics mps; BYTES -1: not available
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SUCCESS, UNINITIALIZED, INVALID_ARGUMENT, NOT_SUPPORTED, INSUFFICIENT_SIZE = 7 };
enum { MAX_GPUS = 32, MAX_PROCESSES = 512 };

typedef struct { unsigned pid; unsigned long long used; unsigned gi, ci;
#ifdef WIDE_PROCESS
  unsigned long long protectedMemory;
#endif
} Process;

typedef struct { int gpu, kind; Process process; } Listed;
enum { COMPUTE_LIST, GRAPHICS_LIST, MPS_LIST };

typedef struct {
  char uuid[96], name[96];
  unsigned long long total, used, reserved;
  long util, temp, power, mig, recovery;
  int handleError, uuidError, memoryError, utilError, tempError, powerError, processesError, fieldsError;
} Gpu;

static Gpu gpus[MAX_GPUS];
static Listed listed[MAX_PROCESSES];
static int gpuCount, listedCount, initCode, loaded, live;

static int is(const char *a, const char *b) { return strcmp(a, b) == 0; }

static void gpuFact(int i, const char *key, const char *value) {
  Gpu *g = &gpus[i];
  int code = atoi(value);
  if (i >= gpuCount) gpuCount = i + 1;
  if (is(key, "uuid")) snprintf(g->uuid, sizeof g->uuid, "%s", value);
  else if (is(key, "name")) snprintf(g->name, sizeof g->name, "%s", value);
  else if (is(key, "total")) g->total = strtoull(value, NULL, 10);
  else if (is(key, "used")) g->used = strtoull(value, NULL, 10);
  else if (is(key, "reserved")) g->reserved = strtoull(value, NULL, 10);
  else if (is(key, "util")) g->util = code;
  else if (is(key, "temp")) g->temp = code;
  else if (is(key, "power")) g->power = code;
  else if (is(key, "mig")) g->mig = code;
  else if (is(key, "recovery")) g->recovery = code;
  else if (is(key, "fields-error")) g->fieldsError = code;
  else if (is(key, "handle-error")) g->handleError = code;
  else if (is(key, "uuid-error")) g->uuidError = code;
  else if (is(key, "memory-error")) g->memoryError = code;
  else if (is(key, "util-error")) g->utilError = code;
  else if (is(key, "temp-error")) g->tempError = code;
  else if (is(key, "power-error")) g->powerError = code;
  else if (is(key, "processes-error")) g->processesError = code;
  else { fprintf(stderr, "stand-in: unknown fact %s\n", key); abort(); }
}

static void processFact(const char *line) {
  char kind[16];
  int gpu;
  long long used;
  Process p = {0};
  p.gi = p.ci = 0xffffffffu;
  if (sscanf(line, "process %d %15s %u %lld %u", &gpu, kind, &p.pid, &used, &p.gi) < 4) abort();
  p.used = (unsigned long long)used;
  listed[listedCount++] = (Listed){gpu, is(kind, "mps") ? MPS_LIST : is(kind, "graphics") ? GRAPHICS_LIST : COMPUTE_LIST, p};
}

static void addPid(const char *path) {
  FILE *file = fopen(path, "a");
  if (file == NULL) abort();
  fprintf(file, "%d\n", getpid());
  fclose(file);
}

/* A process with a tracer is not reaped by its parent before the tracer has waited for it. */
static void linger(int milliseconds) {
  int ready[2];
  char byte = 0;
  siginfo_t ended;
  pid_t traced = getpid(), tracer;
  if (pipe(ready) != 0 || (tracer = fork()) < 0) abort();
  if (tracer != 0) {
    prctl(PR_SET_PTRACER, tracer, 0, 0, 0);
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) abort();
    close(ready[0]);
    return;
  }
  for (int fd = 0; fd < 3; fd++) close(fd);
  while (ptrace(PTRACE_SEIZE, traced, 0, 0) != 0) if (getppid() != traced) _exit(1);
  if (write(ready[1], &byte, 1) != 1) _exit(1);
  waitid(P_PID, traced, &ended, WEXITED | WNOWAIT | __WALL);
  usleep(1000 * milliseconds);
  waitpid(traced, NULL, __WALL);
  _exit(0);
}

static FILE *openScript(void) {
  char path[4096];
  Dl_info library;
  if (getenv("STANDIN_NVML") != NULL) return fopen(getenv("STANDIN_NVML"), "r");
  if (dladdr(openScript, &library) == 0) abort();
  snprintf(path, sizeof path, "%s", library.dli_fname);
  strcpy(strrchr(path, '/'), "/nvml.txt");
  return fopen(path, "r");
}

static void readScript(void) {
  char line[512], key[32];
  int i, at;
  FILE *file = openScript();
  if (file == NULL) abort();
  memset(gpus, 0, sizeof gpus);
  gpuCount = listedCount = initCode = live = 0;
  for (i = 0; i < MAX_GPUS; i++) gpus[i].util = gpus[i].temp = gpus[i].power = gpus[i].mig = -1;
  while (fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    if (sscanf(line, "gpu %d %31s %n", &i, key, &at) == 2) gpuFact(i, key, line + at);
    else if (strncmp(line, "process ", 8) == 0) processFact(line);
    else if (strncmp(line, "init ", 5) == 0) initCode = atoi(line + 5);
    else if (strncmp(line, "delay ", 6) == 0) usleep(1000 * atoi(line + 6));
    else if (is(line, "print")) puts("NVRM: a message of the driver");
    else if (strncmp(line, "linger ", 7) == 0) linger(atoi(line + 7));
    else if (strncmp(line, "log ", 4) == 0) addPid(line + 4);
    else if (is(line, "live")) live = 1;
    else if (is(line, "survive")) prctl(PR_SET_PDEATHSIG, 0);
    else if (is(line, "half")) { puts(""); fputs("{\"kind\":\"gpus\",\"gpus\":[{", stdout); fflush(stdout); raise(SIGKILL); }
    else if (is(line, "crash")) *(volatile int *)16 = 1;
    else if (is(line, "hang")) for (;;) pause();
  }
  fclose(file);
  fflush(stdout);
}

static Gpu *gpuOf(void *device) { return (Gpu *)device; }

static int number(long value, int code, unsigned *out) {
  if (code) return code;
  if (value < 0) return NOT_SUPPORTED;
  *out = (unsigned)value;
  return SUCCESS;
}

int nvmlInit_v2(void) {
  readScript();
  loaded = initCode == SUCCESS;
  return initCode;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
  if (!loaded) return UNINITIALIZED;
  if (live) readScript();
  if (initCode != SUCCESS) return initCode;
  *count = (unsigned)gpuCount;
  return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
  if (index >= (unsigned)gpuCount) return INVALID_ARGUMENT;
  if (gpus[index].handleError) return gpus[index].handleError;
  *device = &gpus[index];
  return SUCCESS;
}

static int text(const char *value, char *out, unsigned length) {
  if (length < strlen(value) + 1) return INSUFFICIENT_SIZE;
  strcpy(out, value);
  return SUCCESS;
}

int nvmlDeviceGetUUID(void *device, char *out, unsigned length) {
  return gpuOf(device)->uuidError ? gpuOf(device)->uuidError : text(gpuOf(device)->uuid, out, length);
}

int nvmlDeviceGetName(void *device, char *out, unsigned length) { return text(gpuOf(device)->name, out, length); }

int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *memory) {
  Gpu *g = gpuOf(device);
  if (g->memoryError) return g->memoryError;
  memory[0] = g->total;
  memory[2] = g->used + g->reserved;
  memory[1] = memory[0] - memory[2];
  return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(void *device, unsigned *rates) {
  return number(gpuOf(device)->util, gpuOf(device)->utilError, rates);
}

int nvmlDeviceGetTemperature(void *device, unsigned sensor, unsigned *out) {
  if (sensor != 0) return INVALID_ARGUMENT;
  return number(gpuOf(device)->temp, gpuOf(device)->tempError, out);
}

int nvmlDeviceGetPowerUsage(void *device, unsigned *out) {
  return number(gpuOf(device)->power, gpuOf(device)->powerError, out);
}

static int processes(void *device, int kind, unsigned *count, Process *out) {
  unsigned found = 0;
  if (gpuOf(device)->processesError) return gpuOf(device)->processesError;
  for (int i = 0; i < listedCount; i++) {
    if (&gpus[listed[i].gpu] != gpuOf(device) || listed[i].kind != kind) continue;
    if (found < *count) out[found] = listed[i].process;
    found++;
  }
  int code = found > *count ? INSUFFICIENT_SIZE : SUCCESS;
  *count = found;
  return code;
}

#ifdef OLD_DRIVER
#define COMPUTE nvmlDeviceGetComputeRunningProcesses_v2
#define GRAPHICS nvmlDeviceGetGraphicsRunningProcesses_v2
#define MPS nvmlDeviceGetMPSComputeRunningProcesses_v2
enum { RECOVERY_ACTION = -1 };
#else
#define COMPUTE nvmlDeviceGetComputeRunningProcesses_v3
#define GRAPHICS nvmlDeviceGetGraphicsRunningProcesses_v3
#define MPS nvmlDeviceGetMPSComputeRunningProcesses_v3
enum { RECOVERY_ACTION = 230 };

typedef struct { unsigned version; unsigned long long total, reserved, free, used; } MemoryV2;

int nvmlDeviceGetMemoryInfo_v2(void *device, MemoryV2 *memory) {
  Gpu *g = gpuOf(device);
  if (memory->version != (sizeof(MemoryV2) | 2u << 24)) return 25; /* ARGUMENT_VERSION_MISMATCH */
  if (g->memoryError) return g->memoryError;
  memory->total = g->total;
  memory->reserved = g->reserved;
  memory->used = g->used;
  memory->free = g->total - g->used - g->reserved;
  return SUCCESS;
}

int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending) {
  *pending = 0;
  return number(gpuOf(device)->mig, SUCCESS, current);
}
#endif

int COMPUTE(void *device, unsigned *count, Process *out) { return processes(device, COMPUTE_LIST, count, out); }
int GRAPHICS(void *device, unsigned *count, Process *out) { return processes(device, GRAPHICS_LIST, count, out); }
int MPS(void *device, unsigned *count, Process *out) { return processes(device, MPS_LIST, count, out); }

typedef struct {
  unsigned field, scope;
  long long timestamp, latency;
  unsigned type;
  int code;
  union { unsigned ui; unsigned long long ull; } value;
} FieldValue;

int nvmlDeviceGetFieldValues(void *device, int count, FieldValue *values) {
  Gpu *g = gpuOf(device);
  if (g->fieldsError) return g->fieldsError;
  for (int i = 0; i < count; i++) {
    int known = (int)values[i].field == RECOVERY_ACTION;
    values[i].code = known ? SUCCESS : INVALID_ARGUMENT;
    values[i].type = 1;
    if (known) values[i].value.ui = (unsigned)g->recovery;
  }
  return SUCCESS;
}

const char *nvmlErrorString(int code) {
  switch (code) {
    case 2: return "Invalid Argument";
    case 3: return "Not Supported";
    case 4: return "Insufficient Permissions";
    case 9: return "Driver Not Loaded";
    case 15: return "GPU is lost";
    case 16: return "GPU requires reset";
    case 18: return "Driver/library version mismatch";
    default: return "Unknown Error";
  }
}
