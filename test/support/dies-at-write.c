/*
 * For LD_PRELOAD: kills the process before its write number DIES_AT_WRITE to a database or its log. SQLite makes each
 * write by pwrite64(2), so every state of the files that `kill -9` can leave is reached by counting up.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int ends_with(const char *text, const char *end) {
  size_t length = strlen(text), part = strlen(end);
  return length >= part && strcmp(text + length - part, end) == 0;
}

static int is_database(int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return ends_with(path, ".db") || ends_with(path, ".db-wal");
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
  static ssize_t (*original)(int, const void *, size_t, off64_t);
  static int writes;
  const char *last = getenv("DIES_AT_WRITE");
  if (original == NULL) original = dlsym(RTLD_NEXT, "pwrite64");
  if (last != NULL && is_database(file) && ++writes == atoi(last)) raise(SIGKILL);
  return original(file, bytes, count, offset);
}
