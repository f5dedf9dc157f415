/* A program that never answers; made setuid root, it is one that its caller has no power to kill. */
#include <unistd.h>

int main(void) {
  if (setuid(0) != 0) return 1;
  for (;;) pause();
}
