"""Matrix products with float32 sums."""

import functools

import tensorflow as tf

from system import machine


def product_of(name, x, w):
    """x [rows, in] times the matrix of this name, w [in, out]: [rows, out], in the dtype of both."""
    return _product_and_gradient(x, w)


@tf.custom_gradient
def _product_and_gradient(x, w):
    # TensorFlow has no gradient of a product whose result has another dtype.
    return product(x, w), lambda d: (product(d, w, adj_y=True), tf.matmul(x, d, transpose_a=True))


def product(a, b, adj_y=False):
    """a · b in the dtype of both, b transposed first if asked."""
    return tf.cast(fast_product(a, b, adj_y), a.dtype)


def fast_product(a, b, adj_y=False):
    """a · b as float32, b transposed first if asked: of bfloat16 rounded to it, where that takes no longer."""
    if a.dtype == tf.bfloat16 and cpu_multiplies_bfloat16() and not has_accelerator():
        return float32_product_of_bfloat16(a, b, False, adj_y)
    return tf.cast(tf.matmul(a, b, transpose_b=adj_y), tf.float32)


def float32_product(a, b, adj_x=False, adj_y=False):
    """a · b, float32, each transposed first if asked: of bfloat16 as well, not rounded to it."""
    if a.dtype == tf.float32:
        return tf.matmul(a, b, transpose_a=adj_x, transpose_b=adj_y)
    return float32_product_of_bfloat16(a, b, adj_x, adj_y)


# On a CPU only XLA has such a product. Where `a` is not transposed, it uses the bfloat16 instructions of the CPU, at
# twice the speed of float32; XLA's products with a bfloat16 result never do.
@tf.function(jit_compile=True)
def float32_product_of_bfloat16(a, b, adj_x, adj_y):
    return tf.raw_ops.BatchMatMulV3(x=a, y=b, Tout=tf.float32, adj_x=adj_x, adj_y=adj_y)


def bfloat16_is_fast() -> bool:
    """Whether products of bfloat16 take less time here than those of float32."""
    return has_accelerator() or cpu_multiplies_bfloat16()


@functools.cache
def has_accelerator() -> bool:
    """Whether TensorFlow has a GPU or a TPU."""
    return any(tf.config.list_physical_devices(kind) for kind in ("GPU", "TPU"))


@functools.cache
def cpu_multiplies_bfloat16() -> bool:
    """Whether the CPU has instructions for products of bfloat16 that TensorFlow uses."""
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(machine.cpu_flags())
