"""The hardware and versions of a run: printed and recorded, because losses are bit-identical only on the same ones."""

import contextlib
import math
import os
import platform
import shutil
import subprocess
import sys

from system.errors import UserError


def choose_device(device: str) -> None:
    """Keeps TensorFlow from the GPU if the CPU is asked for; to be called before TensorFlow starts."""
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


def check_device(device: str) -> None:
    """Raises a ValueError if the GPU is asked for and TensorFlow has none."""
    import tensorflow as tf

    if device == "gpu" and not tf.config.list_physical_devices("GPU"):
        reason = why_no_gpu() or "no NVIDIA card is in this machine, or its driver is not installed"
        raise UserError(f"--device gpu: TensorFlow sees no GPU: {reason}; --device cpu goes without")


def describe() -> dict[str, str | int]:
    """The device and the versions that the last digits of a loss depend on."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    device = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU") if gpus else cpu_name()
    return {"device": device, "cores": n_cores(), "tensorflow": tf.__version__}


def why_no_gpu() -> str | None:
    """Why TensorFlow does not see the NVIDIA card that is in this machine, and the cure; None if there is none."""
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU") or os.environ.get("CUDA_VISIBLE_DEVICES") == "-1":
        return None
    if not (shutil.which("nvidia-smi") or os.path.exists("/proc/driver/nvidia/version")):
        return None
    if sys.platform == "win32":
        return "TensorFlow has no GPU on Windows itself; install under WSL2: pip install -e '.[gpu]'"
    if not tf.test.is_built_with_cuda():
        return f"this TensorFlow {tf.__version__} is built without CUDA; pip install -e '.[gpu]' under Linux on x86-64"
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return "CUDA_VISIBLE_DEVICES is empty, which hides every card; unset CUDA_VISIBLE_DEVICES"
    return "the CUDA libraries are not there or not found; pip install -e '.[gpu]'"


def n_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_flags() -> set[str]:
    """What instructions the processor has, such as `avx512f`, by Linux's names; none elsewhere."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((set(line.split()) for line in file if line.startswith("flags")), set())
    except OSError:
        return set()


def cpu_name() -> str:
    """The processor's name, if the system gives it."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def memory_used() -> float:
    """The most bytes used so far: of the GPU's memory if there is one, else of the process; 0 if that is not known."""
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return memory_of_process()


def memory_of_process() -> int:
    """The most bytes of memory that this process has had so far; 0 on Windows, which has another way to ask."""
    with contextlib.suppress(OSError, StopIteration), open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    try:
        import resource  # which Windows does not have
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # bytes on macOS, kilobytes on other Unixes


def available(device: str) -> tuple[str, float | None]:
    """The device that training would run on, cpu or gpu, and the bytes it has free; None where that is not known."""
    found = gpu_memory() if device != "cpu" else None
    if found is not None or device == "gpu":
        return "gpu", found
    return "cpu", free_memory()


def gpu_memory() -> float | None:
    """Bytes that are free on the first NVIDIA card, as reported by its driver."""
    command = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        return float(answer.stdout.split()[0]) * 2**20
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def free_memory(cgroup: str = "/sys/fs/cgroup") -> float | None:
    """Bytes that programs may still take on this machine, or in this container."""
    try:
        with open("/proc/meminfo") as file:
            free = next(float(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
        return min(free, _left_in(cgroup))
    except (OSError, StopIteration):
        pass
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        return None


def _left_in(cgroup: str) -> float:
    """Bytes that a container has left, its caches of files not counted: infinity where there is no limit."""
    try:
        with open(os.path.join(cgroup, "memory.max")) as file:
            limit = float(file.read())
        with open(os.path.join(cgroup, "memory.current")) as file:
            used = float(file.read())
        with open(os.path.join(cgroup, "memory.stat")) as file:
            cached = next(float(line.split()[1]) for line in file if line.startswith("inactive_file "))
        return limit - used + cached
    except (OSError, ValueError, StopIteration):  # "max" is not a number.
        return math.inf
