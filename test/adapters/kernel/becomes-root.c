/* For installation as set-user-id: becomes root completely, prints a line, and waits beside a child of its own. */
#include <stdio.h>
#include <unistd.h>

int main(void) {
  if (setuid(0)) perror("setuid");
  if (fork() == 0) execl("/bin/sleep", "sleep", "1000", (char *)NULL);
  printf("ready\n");
  fflush(stdout);
  for (;;) pause();
}
