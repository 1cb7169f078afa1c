// SPDX-License-Identifier: Apache-2.0
//
// A whole program without any library, so that one compiler builds it for every machine.
#if defined(__x86_64__)
#define MACHINE "x86_64"
static long call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c)
                   : "rcx", "r11", "memory");
  return result;
}
enum { kWrite = 1, kExit = 60 };
#elif defined(__aarch64__)
#define MACHINE "aarch64"
static long call(long number, long a, long b, long c) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}
enum { kWrite = 64, kExit = 93 };
#endif

static const char kAnswer[] = "{\"built_for\": \"" MACHINE "\", \"machine\": \"" MACHINE "\"}\n";

void _start(void) {
  call(kWrite, 1, (long)kAnswer, sizeof kAnswer - 1);
  call(kExit, 0, 0, 0);
  for (;;) {
  }
}
