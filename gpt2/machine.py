"""What a run is computed on: told before the first step, and noted, since losses are the same to the bit only there."""

import os
import platform
import shutil
import sys


def choose_device(device: str) -> None:
    """Keeps TensorFlow from the GPU if the CPU is asked for; to be called before TensorFlow starts."""
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


def check_device(device: str) -> None:
    """Raises a ValueError if the GPU is asked for and TensorFlow has none."""
    import tensorflow as tf

    if device == "gpu" and not tf.config.list_physical_devices("GPU"):
        reason = why_no_gpu() or "no NVIDIA card is in this machine, or its driver is not installed"
        raise ValueError(f"--device gpu: TensorFlow sees no GPU: {reason}; --device cpu goes without")


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


def cpu_name() -> str:
    """The processor's own name where the system tells it."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def memory_used() -> float:
    """The most bytes used so far: of the GPU's memory if there is one, else of the process."""
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"]
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0
