# 64-bit ARM: Raspberry Pi 3 and later with a 64-bit system, most gateways of today.
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(triple aarch64-linux-gnu)
set(emulator qemu-aarch64-static)
include(${CMAKE_CURRENT_LIST_DIR}/toolchain.cmake)
