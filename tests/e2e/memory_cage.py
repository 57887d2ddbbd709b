"""Holds a process below the memory limit of the service, 256 MiB: a control group where one can be made, otherwise a
limit on its address space, which is larger by what threads and libraries reserve and never touch.

    cage = MemoryCage(world)
    gateway.start(**cage.arguments)      # as often as needed
    cage.peak(process)                   # bytes; at most cage.limit
"""
import os
import resource
import uuid
from pathlib import Path

LIMIT = 256 << 20
ADDRESS_SPACE = 512 << 20
V1, V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")


def make_group():
    name = f"edgetide-test-{uuid.uuid4().hex[:8]}"
    for parent, limit in ((V1, "memory.limit_in_bytes"), (V2, "memory.max")):
        group = parent / name
        try:
            group.mkdir()
            (group / limit).write_text(str(LIMIT))
            return group
        except OSError:
            if group.is_dir():
                group.rmdir()
    return None


class MemoryCage:
    def __init__(self, world):
        self.group, self.limit = make_group(), LIMIT
        self.arguments = {"preexec_fn": self._enter}
        world.at_end.append(self._remove)

    def _enter(self):
        if self.group:
            (self.group / "cgroup.procs").write_text(str(os.getpid()))
        else:
            resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))

    def peak(self, process):
        """What the process had in memory at most; a group also counts the pages of files, up to its limit."""
        status = Path(f"/proc/{process.pid}/status").read_text()
        return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])

    def _remove(self):
        if self.group:
            self.group.rmdir()
