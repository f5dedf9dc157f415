/*
 * blocking-stderr DEVICE FILE COMMAND...: mounts a file system of its own over FILE, in new user and mount namespaces,
 * and executes COMMAND with FILE as its standard error. Writes to it are answered up to one that starts with "block"; the
 * next one waits until COMMAND has ended.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static void require(int ok, const char *what) {
  if (ok) return;
  perror(what);
  exit(1);
}

static void put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY);
  require(fd >= 0 && write(fd, text, strlen(text)) > 0, path);
  close(fd);
}

static void answer(int device, const struct fuse_in_header *in, const void *body, size_t length) {
  struct fuse_out_header out = {.len = sizeof out + length, .unique = in->unique};
  struct iovec parts[] = {{&out, sizeof out}, {(void *)body, length}};
  writev(device, parts, 2);
}

static void serve(int device) {
  static char request[1 << 17];
  int isBlocked = 0;
  while (read(device, request, sizeof request) > 0) {
    const struct fuse_in_header *in = (void *)request;
    const void *body = request + sizeof *in;
    if (in->opcode == FUSE_INIT) {
      struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
      answer(device, in, &init, sizeof init);
    } else if (in->opcode == FUSE_GETATTR) {
      struct fuse_attr_out attributes = {.attr = {.ino = 1, .mode = S_IFREG | 0666, .nlink = 1}};
      answer(device, in, &attributes, sizeof attributes);
    } else if (in->opcode == FUSE_OPEN) {
      struct fuse_open_out opened = {.fh = 1, .open_flags = FOPEN_DIRECT_IO};
      answer(device, in, &opened, sizeof opened);
    } else if (in->opcode == FUSE_POLL) {
      struct fuse_poll_out polled = {.revents = POLLOUT};
      answer(device, in, &polled, sizeof polled);
    } else if (in->opcode == FUSE_WRITE) {
      const struct fuse_write_in *write_in = body;
      struct fuse_write_out written = {.size = write_in->size};
      if (isBlocked) continue;
      isBlocked = strncmp((const char *)(write_in + 1), "block", 5) == 0;
      answer(device, in, &written, sizeof written);
    } else {
      answer(device, in, NULL, 0);
    }
  }
}

int main(int count, char **arguments) {
  char options[200], map[100];
  require(count > 3, "usage: DEVICE FILE COMMAND...");
  int uid = getuid(), gid = getgid();
  require(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0, "unshare");
  put("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "0 %d 1", uid);
  put("/proc/self/uid_map", map);
  snprintf(map, sizeof map, "0 %d 1", gid);
  put("/proc/self/gid_map", map);
  int device = open(arguments[1], O_RDWR | O_CLOEXEC);
  require(device >= 0, arguments[1]);
  snprintf(options, sizeof options, "fd=%d,rootmode=100000,user_id=0,group_id=0", device);
  require(mount("blocking", arguments[2], "fuse", 0, options) == 0, "mount");
  if (fork() == 0) {
    prctl(PR_SET_PDEATHSIG, 9);
    serve(device);
    _exit(0);
  }
  int file = open(arguments[2], O_WRONLY);
  require(file >= 0, arguments[2]);
  dup2(file, 2);
  execvp(arguments[3], arguments + 3);
  return 1;
}
