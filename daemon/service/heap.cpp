#include "daemon/service/heap.h"

#include <malloc.h>

namespace edgetide {

void keep_heap_small() noexcept {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 64 * 1024);
  mallopt(M_TRIM_THRESHOLD, 64 * 1024);
}

void trim_heap() noexcept {
  malloc_trim(0);
}

}  // namespace edgetide
