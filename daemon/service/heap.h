// The heap of a program with little memory and many threads that hardly allocate: one for all, and what is free in it
// goes back to the system.
//
// Thread: `keep_heap_small` before the first other thread, `trim_heap` any. Fails: never.
#pragma once

namespace edgetide {

// Large blocks and a free end go back at once.
void keep_heap_small() noexcept;

// Gives back the free pages between blocks that are in use: what a burst of rows or a checkpoint needed.
// Cost: well under a millisecond for some MiB; what is needed again is a page fault for every 4 KiB.
void trim_heap() noexcept;

}  // namespace edgetide
