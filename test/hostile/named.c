/*
 * Sets its process name to $NAME (prctl(2)), prints its pid and waits to be killed. With $TITLE it writes that text
 * over its whole command line, without a NUL at the end, like setproctitle(3). With $ZOMBIE it starts a child that exits
 * and is never reaped, and prints the pid of that child.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  pid_t shown = getpid();
  const char *name = getenv("NAME");
  const char *title = getenv("TITLE");
  if (name != NULL) prctl(PR_SET_NAME, name);
  if (title != NULL) {
    char *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
    size_t length = strlen(title);
    for (char *at = argv[0]; at < end; at++) *at = title[(size_t)(at - argv[0]) % length];
  }
  if (getenv("ZOMBIE") != NULL) {
    shown = fork();
    if (shown == 0) _exit(0);
    siginfo_t ended;
    waitid(P_PID, shown, &ended, WEXITED | WNOWAIT);
  }
  printf("%d\n", shown);
  fflush(stdout);
  for (;;) pause();
}
