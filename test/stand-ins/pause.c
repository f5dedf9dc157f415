/* A program that never answers. If it is installed set-user-id root, its caller may not kill it. */
#include <unistd.h>

int main(void) {
  if (setuid(0) != 0) return 1;
  for (;;) pause();
}
