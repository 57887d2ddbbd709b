# 32-bit ARMv7 with hardware floating point. Not ARMv6: the first Raspberry Pi and the Zero.
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(triple arm-linux-gnueabihf)
set(emulator qemu-arm-static)
set(CMAKE_CXX_FLAGS_INIT -Wno-psabi)  # notes about ABI differences from GCC 6, whose code is not mixed with ours
include(${CMAKE_CURRENT_LIST_DIR}/toolchain.cmake)
