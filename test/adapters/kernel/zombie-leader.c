/* The main thread exits, another one runs until it is killed. Prints its pid when that thread runs. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *live_on(void *unused) {
  (void)unused;
  printf("%d\n", getpid());
  fflush(stdout);
  for (;;) pause();
}

int main(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, live_on, NULL)) return 1;
  pthread_exit(NULL);
}
