#include <malloc.h>

#include "daemon/commands/commands.h"

namespace {

// A gateway has little memory and many threads that hardly allocate: one heap for all, and what is large or at its end
// goes back to the system at once.
void keep_the_heap_small() noexcept {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 64 * 1024);
  mallopt(M_TRIM_THRESHOLD, 64 * 1024);
}

}  // namespace

int main(int argc, char** argv) {
  keep_the_heap_small();
  return edgetide::command_line(argc, argv);
}
