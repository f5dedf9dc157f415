/*
 * A command for `canhazgpu run`:
 *
 *   job LOG LOCKS LIFETIME_MS STATUS IGNORES_SIGINT
 *
 * It runs for LIFETIME_MS and exits with STATUS. It appends its GPUs, its reservation and the times to its own log, each
 * line by a single write(2). While it runs, it locks a file for each of its GPUs. The kernel releases the locks before
 * another process can see that this one has ended. On SIGINT it exits with 130, unless IGNORES_SIGINT is 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static int log_file;

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

static long long nanoseconds(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void write_event(const char *event, int number) {
  char line[1024];
  long long steady = nanoseconds(CLOCK_BOOTTIME), wall = nanoseconds(CLOCK_REALTIME);
  int length = snprintf(line, sizeof line,
                        "{\"event\":\"%s\",\"number\":%d,\"at\":{\"steady\":%lld.%06lld,\"wall\":%lld},"
                        "\"pid\":%d,\"uid\":%d,\"gpus\":\"%s\",\"reservation\":\"%s\"}\n",
                        event, number, steady / 1000000, steady % 1000000, wall / 1000000, getpid(), getuid(),
                        variable("CUDA_VISIBLE_DEVICES"), variable("CANHAZGPU_RESERVATION"));
  if (write(log_file, line, length) != length) _exit(98);
}

static void lock_gpus(const char *locks) {
  char gpus[512], path[4096];
  snprintf(gpus, sizeof gpus, "%s", variable("CUDA_VISIBLE_DEVICES"));
  for (char *gpu = strtok(gpus, ","); gpu; gpu = strtok(NULL, ",")) {
    snprintf(path, sizeof path, "%s/%s", locks, gpu);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
      perror(path);
      _exit(97);
    }
    if (flock(file, LOCK_EX | LOCK_NB) < 0) write_event("lock-held", atoi(gpu));
  }
}

int main(int argc, char **argv) {
  if (argc != 6) return 96;
  int status = atoi(argv[4]), ignores_sigint = atoi(argv[5]);
  long long end = nanoseconds(CLOCK_BOOTTIME) + atoll(argv[3]) * 1000000;
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  sigprocmask(SIG_BLOCK, &interrupt, NULL);
  log_file = open(argv[1], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (log_file < 0) {
    perror(argv[1]);
    return 95;
  }
  write_event("started", 0);
  lock_gpus(argv[2]);
  for (;;) {
    long long left = end - nanoseconds(CLOCK_BOOTTIME);
    if (left <= 0) break;
    struct timespec time = {left / 1000000000, left % 1000000000};
    if (sigtimedwait(&interrupt, NULL, &time) != SIGINT) continue;
    write_event("interrupted", 0);
    if (!ignores_sigint) return 130;
  }
  write_event("finished", status);
  return status;
}
