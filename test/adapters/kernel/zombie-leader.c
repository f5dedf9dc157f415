/* The main thread exits, and another one runs until the process is killed. That thread prints the pid. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *run_forever(void *unused) {
  (void)unused;
  printf("%d\n", getpid());
  fflush(stdout);
  for (;;) pause();
}

int main(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, run_forever, NULL)) return 1;
  pthread_exit(NULL);
}
