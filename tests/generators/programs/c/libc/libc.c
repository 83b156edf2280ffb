/* What generated code needs of a C library, so that the test needs no other. Memory is never given back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 65536
/* Every block begins at a multiple of this, behind its size. */
#define ALIGNMENT 16

/* Where the linker's own data ends. */
extern unsigned char __heap_base;

static uintptr_t unused;

static uintptr_t aligned(uintptr_t address) {
  return (address + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void *malloc(size_t size) {
  if (unused == 0)
    unused = aligned((uintptr_t)&__heap_base);
  uintptr_t block = unused + ALIGNMENT;
  unused = aligned(block + size);
  size_t room = __builtin_wasm_memory_size(0) * PAGE;
  if (unused > room && __builtin_wasm_memory_grow(0, (unused - room + PAGE - 1) / PAGE) == SIZE_MAX)
    abort();
  *(size_t *)(block - ALIGNMENT) = size;
  return (void *)block;
}

void *realloc(void *old, size_t size) {
  void *block = malloc(size);
  if (old != NULL) {
    size_t before = *(size_t *)((uintptr_t)old - ALIGNMENT);
    memcpy(block, old, before < size ? before : size);
  }
  return block;
}

void free(void *block) {
  (void)block;
}

_Noreturn void abort(void) {
  __builtin_trap();
}

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
  for (size_t at = 0; at < count; at++)
    ((unsigned char *)to)[at] = ((const unsigned char *)from)[at];
  return to;
}

void *memset(void *to, int value, size_t count) {
  for (size_t at = 0; at < count; at++)
    ((unsigned char *)to)[at] = (unsigned char)value;
  return to;
}

size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != 0)
    length++;
  return length;
}
