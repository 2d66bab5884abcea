// A module as a program: its inits are constructors, which run before main, and its exits are
// destructors, which run after it. PAIRS, on the command line of the compiler, registers them.
#include <stdio.h>
#include <stdlib.h>

// A constructor returns nothing: one that fails has but exit() to keep others from running.
static void init(int pair) {
    char *codes = getenv("CODES");
    long code = strtol(codes, &codes, 10);
    for (int before = pair; before > 0; before--) code = strtol(codes, &codes, 10);
    printf("init %d %ld\n", pair, code);
    if (code < 0) exit(EXIT_FAILURE);
}

#define INIT(pair, at) __attribute__((constructor(at))) static void i##pair(void) { init(pair); }
#define EXIT(pair, at) \
    __attribute__((destructor(at))) static void e##pair(void) { printf("exit %d\n", pair); }

PAIRS

int main(void) {
    puts("live");
    fflush(stdout);
    while (getchar() != EOF) {}  // It is live until the input ends.
}
