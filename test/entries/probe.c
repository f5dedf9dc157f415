/*
 * Writes the whole state in which it was started, as one JSON document.
 *
 *   probe OUT END [ARGUMENT…]
 *
 * OUT is the file to write. END is `exit:N`, `signal:N`, or `stdin:N`, which first reads standard input to its end. Bytes
 * are written in hexadecimal. Ids that differ between runs are written as a relation, such as "parent's".
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MAX_DESCRIPTORS 4096

struct descriptor {
  int fd, status_flags, flags;
  long long offset;
  char target[PATH_MAX];
};

struct kernel_action {
  unsigned long handler, flags, restorer, mask;
};

static struct descriptor descriptors[MAX_DESCRIPTORS];
static int descriptor_count;
static FILE *out;

static void text(const char *name, const char *value) {
  fprintf(out, "\"%s\":\"", name);
  for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
    if (*c == '"' || *c == '\\' || *c < 0x20 || *c >= 0x7f) fprintf(out, "\\u%04x", *c);
    else fputc(*c, out);
  }
  fputs("\",", out);
}

static void number(const char *name, long long value) { fprintf(out, "\"%s\":%lld,", name, value); }

static void hex(const char *bytes, size_t length) {
  fputc('"', out);
  for (size_t i = 0; i < length; i++) fprintf(out, "%02x", (unsigned char)bytes[i]);
  fputc('"', out);
}

static void hex_list(const char *name, char **strings) {
  fprintf(out, "\"%s\":[", name);
  for (int i = 0; strings[i]; i++) {
    if (i) fputc(',', out);
    hex(strings[i], strlen(strings[i]));
  }
  fputs("],", out);
}

/* Must run before another file is opened. */
static void list_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  struct dirent *entry;
  while (directory && (entry = readdir(directory)) && descriptor_count < MAX_DESCRIPTORS) {
    char path[64];
    int fd = atoi(entry->d_name);
    if (entry->d_name[0] == '.' || fd == dirfd(directory)) continue;
    struct descriptor *d = &descriptors[descriptor_count++];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, d->target, sizeof d->target - 1);
    d->target[length < 0 ? 0 : length] = 0;
    d->fd = fd;
    d->status_flags = fcntl(fd, F_GETFL);
    d->flags = fcntl(fd, F_GETFD);
    d->offset = lseek(fd, 0, SEEK_CUR);
  }
  if (directory) closedir(directory);
}

static void write_descriptors(void) {
  fputs("\"descriptors\":[", out);
  for (int i = 0; i < descriptor_count; i++) {
    struct descriptor *d = &descriptors[i];
    fputs(i ? ",{" : "{", out);
    number("fd", d->fd);
    text("target", d->target);
    number("statusFlags", d->status_flags);
    number("offset", d->offset);
    fprintf(out, "\"flags\":%d}", d->flags);
  }
  fputs("],", out);
}

static void write_signals(void) {
  unsigned long blocked = 0, pending = 0;
  fputs("\"signals\":[", out);
  for (int signal = 1; signal <= 64; signal++) {
    struct kernel_action action = {0};
    syscall(SYS_rt_sigaction, signal, NULL, &action, 8);
    fprintf(out, "%s\"%d:%s:%lx:%lx\"", signal > 1 ? "," : "", signal,
            action.handler == 0 ? "default" : action.handler == 1 ? "ignored" : "handled", action.flags,
            action.mask);
  }
  fputs("],", out);
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &blocked, 8);
  syscall(SYS_rt_sigpending, &pending, 8);
  fprintf(out, "\"blocked\":\"%lx\",\"pending\":\"%lx\",", blocked, pending);
}

static void write_limits(void) {
  fputs("\"limits\":[", out);
  for (int resource = 0; resource < 16; resource++) {
    struct rlimit limit = {0};
    getrlimit(resource, &limit);
    fprintf(out, "%s\"%d:%llu:%llu\"", resource ? "," : "", resource, (unsigned long long)limit.rlim_cur,
            (unsigned long long)limit.rlim_max);
  }
  fputs("],", out);
}

static const char *whose(pid_t id, pid_t of_parent) {
  return id == getpid() ? "own" : id == of_parent ? "parent's" : "foreign";
}

static void write_relations(void) {
  number("pid", getpid());
  number("ppid", getppid());
  text("group", whose(getpgrp(), getpgid(getppid())));
  text("session", whose(getsid(0), getsid(getppid())));
  int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  text("terminal", tty < 0 ? "none" : tcgetpgrp(tty) == getpgrp() ? "foreground" : "background");
  if (tty >= 0) {
    struct termios settings;
    memset(&settings, 0, sizeof settings);
    tcgetattr(tty, &settings);
    fputs("\"termios\":", out);
    hex((char *)&settings, sizeof settings);
    fputc(',', out);
    close(tty);
  }
  number("children", waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : 1);
}

static void write_timers(void) {
  for (int which = 0; which < 3; which++) {
    struct itimerval timer;
    getitimer(which, &timer);
    fprintf(out, "\"timer%d\":%d,", which, timer.it_value.tv_sec || timer.it_value.tv_usec);
  }
}

static void write_process(void) {
  char directory[PATH_MAX], name[17] = {0};
  mode_t mask = umask(0);
  umask(mask);
  number("umask", mask);
  text("cwd", getcwd(directory, sizeof directory) ? directory : strerror(errno));
  number("nice", getpriority(PRIO_PROCESS, 0));
  number("scheduler", sched_getscheduler(0));
  number("ioPriority", syscall(SYS_ioprio_get, 1, 0));
  number("personality", personality(0xffffffff));
  number("dumpable", prctl(PR_GET_DUMPABLE));
  int death_signal = 0, reaper = 0;
  prctl(PR_GET_PDEATHSIG, &death_signal);
  prctl(PR_GET_CHILD_SUBREAPER, &reaper);
  number("deathSignal", death_signal);
  number("subreaper", reaper);
  number("timerSlack", prctl(PR_GET_TIMERSLACK));
  number("hugePagesDisabled", prctl(PR_GET_THP_DISABLE));
  prctl(PR_GET_NAME, name);
  text("name", name);
}

static void write_file(const char *name, const char *path) {
  char content[65536];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? -1 : read(fd, content, sizeof content - 1);
  if (fd >= 0) close(fd);
  content[length < 0 ? 0 : length] = 0;
  text(name, content);
}

/* The lines of /proc/self/status that a process inherits. */
static void write_status(void) {
  static const char *const kept[] = {"Uid:", "Gid:", "Groups:", "Threads:", "Cap", "NoNewPrivs:", "Seccomp:",
                                     "Cpus_allowed:", "Mems_allowed:", "THP_enabled:", "CoreDumping:"};
  char line[4096], all[32768] = "";
  FILE *status = fopen("/proc/self/status", "re");
  while (status && fgets(line, sizeof line, status))
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
      if (!strncmp(line, kept[i], strlen(kept[i]))) strncat(all, line, sizeof all - strlen(all) - 1);
  if (status) fclose(status);
  text("status", all);
}

static void write_stdin(void) {
  static char content[1 << 20];
  size_t length = 0;
  ssize_t count;
  while (length < sizeof content && (count = read(0, content + length, sizeof content - length)) > 0)
    length += (size_t)count;
  fputs("\"stdin\":", out);
  hex(content, length);
  fputc(',', out);
}

int main(int argc, char **argv) {
  extern char **environ;
  if (argc < 3) return 99;
  list_descriptors();
  out = fopen(argv[1], "we");
  if (!out) return 98;
  fputc('{', out);
  write_relations();
  write_descriptors();
  write_signals();
  write_limits();
  write_timers();
  write_process();
  write_file("oomScoreAdjustment", "/proc/self/oom_score_adj");
  write_file("coreDumpFilter", "/proc/self/coredump_filter");
  write_file("cgroup", "/proc/self/cgroup");
  write_status();
  hex_list("arguments", argv);
  hex_list("environment", environ);
  if (!strncmp(argv[2], "stdin:", 6)) write_stdin();
  fputs("\"complete\":true}\n", out);
  fclose(out);

  int value = atoi(strchr(argv[2], ':') + 1);
  if (strncmp(argv[2], "signal:", 7)) return value;
  struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  raise(value);
  return 97;
}
