/* Is installed set-user-id root. Becomes root completely, starts a child, prints a line, and runs until it is killed. */
#include <stdio.h>
#include <unistd.h>

int main(void) {
  if (setuid(0)) perror("setuid");
  if (fork() == 0) execl("/bin/sleep", "sleep", "1000", (char *)NULL);
  printf("ready\n");
  fflush(stdout);
  for (;;) pause();
}
