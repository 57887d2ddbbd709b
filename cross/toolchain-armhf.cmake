# 32-bit ARMv7 with hardware floating point. Not ARMv6: the first Raspberry Pi and the Zero.
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(triple arm-linux-gnueabihf)
set(emulator qemu-arm-static)
set(CMAKE_CXX_FLAGS_INIT -Wno-psabi)  # notes about code of GCC 6, which nobody mixes with ours
include(${CMAKE_CURRENT_LIST_DIR}/toolchain.cmake)
