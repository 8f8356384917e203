"""Matrix products with float32 sums."""

import tensorflow as tf


def product_of(name, x, w):
    """x [rows, in] times the matrix of this name, w [in, out]: [rows, out], in the dtype of both."""
    return tf.matmul(x, w)


def float32_product(a, b, adj_x=False, adj_y=False):
    """a · b, float32, each transposed first if asked: of bfloat16 as well, not rounded to it."""
    if a.dtype == tf.float32:
        return tf.matmul(a, b, transpose_a=adj_x, transpose_b=adj_y)
    return float32_product_of_bfloat16(a, b, adj_x, adj_y)


@tf.function(jit_compile=True)  # On a CPU only XLA has such a product.
def float32_product_of_bfloat16(a, b, adj_x, adj_y):
    return tf.raw_ops.BatchMatMulV3(x=a, y=b, Tout=tf.float32, adj_x=adj_x, adj_y=adj_y)
