"""What the measurements were made on."""

import os
import platform
from pathlib import Path


def processor():
    """Name of the processor, where the operating system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def processors():
    """Numbers of the processors that this process may use."""
    return (
        sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count()))
    )


def load():
    """Processes that wanted to run in the last minute: ours among them, and those of others."""
    return os.getloadavg()[0]


def describe():
    return {
        "processor": processor(),
        "processors": len(processors()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": load(),
    }
