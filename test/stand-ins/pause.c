/* A program that never answers. Installed setuid root, its caller may not kill it. */
#include <unistd.h>

int main(void) {
  if (setuid(0) != 0) return 1;
  for (;;) pause();
}
