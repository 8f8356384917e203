"""Muon: a matrix of a block moves along its orthogonalised momentum, and everything else by AdamW.

Jordan et al., "Muon", 2024 (kellerjordan.github.io/posts/muon): Nesterov momentum and the Newton-Schulz iteration.
Liu et al., "Muon is Scalable for LLM Training", 2025, section 2.2: the size of an update, and the weight decay.
"""

from collections.abc import Iterator, Sequence

import tensorflow as tf

from gpt2.precision import bfloat16_is_fast, fast_product
from gpt2.training.adaptive import AdamW
from gpt2.training.updates import Tensors, Variables, by_layer, own

MOMENTUM = 0.95  # Jordan et al.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # Jordan et al.
# The five iterations of Jordan et al., by how many share the products with a wide matrix, which saves time. Each of
# these multiplies errors of rounding: five together in bfloat16, which a TPU uses for float32 too, made singular
# values of 9 out of some 1e-11 times as large as the largest, as momenta have.
STRETCHES = (3, 2)
RMS = 0.2  # Liu et al., equation 4: the root mean square of AdamW's updates, so that both take one learning rate.
TINY = 1e-7  # Keeps a momentum of zero from a division by zero.
AT_ONCE = 2**23  # Numbers of momenta that are orthogonalised at once: many small matrices are a faster batch than few.


class Muon(AdamW):
    """Muon for the blocks' matrices, AdamW for embeddings, positions, gains and biases, at the same learning rate.

    Queries, keys and values are three matrices. Slots: `momentum/NAME` of the blocks' matrices, half of what Adam keeps
    of them; `m/NAME` and `v/NAME` of everything else.
    """

    slot_kinds = ("momentum", "m", "v")

    def __init__(self, weights: Variables, weight_decay: float = 0.01, seed: int = 0, dtype: str = "float32"):
        """An optimizer at its beginning.

        Args:
          weights, weight_decay, seed: as of `AdamW`.
          dtype: of what the Newton-Schulz iteration multiplies, float32 or bfloat16, as in Jordan et al.; its sums are
            float32. Where bfloat16 is not fast, float32 is used for it.
        """
        super().__init__(weights, weight_decay, seed)
        self.dtype = tf.as_dtype(dtype) if bfloat16_is_fast() else tf.float32

    def slot_shape(self, kind: str, shape: tf.TensorShape) -> tf.TensorShape | None:
        return shape if (kind == "momentum") == is_of_block(shape) else None

    def apply(
        self, gradients: Tensors, learning_rate: tf.Tensor, step: tf.Tensor, scale: tf.Tensor | float = 1.0
    ) -> None:
        of_blocks = {name: gradient for name, gradient in gradients.items() if is_of_block(gradient.shape)}
        rest = {name: gradient for name, gradient in gradients.items() if name not in of_blocks}
        super().apply(rest, learning_rate, step, scale)
        for names in some_layers(of_blocks):
            slots = [own(self.slots[f"momentum/{name}"]) for name in names]
            directions = orthogonal_momenta(slots, [of_blocks[name] for name in names], scale, self.dtype)
            super().apply(dict(zip(names, directions, strict=True)), learning_rate, step)

    def change(
        self, weight: tf.Variable, slots: Variables, gradient: tf.Tensor, learning_rate: tf.Tensor, t: tf.Tensor
    ) -> tf.Tensor:
        """As of `SGD.change`; of a block's matrix the gradient given is its orthogonalised momentum."""
        if not is_of_block(weight.shape):
            return super().change(weight, slots, gradient, learning_rate, t)
        size = RMS * max(part_shape(weight.shape)) ** 0.5
        return learning_rate * (size * gradient + self.weight_decay * tf.cast(weight, tf.float32))


def is_of_block(shape: tf.TensorShape) -> bool:
    """Whether a weight is a matrix of a block: OpenAI gave those, and no others, three axes, [1, in, out]."""
    return shape.rank == 3


def part_shape(shape: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of each matrix that is orthogonalised by itself: c_attn [1, n, 3 n] is three."""
    _, rows, columns = shape
    return (rows, rows) if columns == 3 * rows else (rows, columns)


def some_layers(gradients: Tensors) -> Iterator[list[str]]:
    """The names of whole layers, as many together as have no more than AT_ONCE numbers; at least one."""
    together: list[str] = []
    for names in by_layer(gradients):
        if together and sum(gradients[name].shape.num_elements() for name in together + names) > AT_ONCE:
            yield together
            together = []
        together = together + names
    if together:
        yield together


@tf.function(jit_compile=True)
def orthogonal_momenta(
    slots: list[tf.Variable], gradients: list[tf.Tensor], scale: tf.Tensor | float, dtype: tf.DType
) -> list[tf.Tensor]:
    """Brings the momenta of some matrices up to date, and gives them orthogonalised: float32 [1, in, out] each.

    Matrices of one shape are one batch of products. The momenta are one step ahead, as Nesterov's.
    """
    stacks: dict[tuple[int, int], list[tf.Tensor]] = {}
    for slot, gradient in zip(slots, gradients, strict=True):
        gradient = tf.cast(gradient, tf.float32) * scale
        momentum = slot.assign(MOMENTUM * slot + gradient)
        for wide in wide_parts(gradient + MOMENTUM * momentum):
            stacks.setdefault(tuple(wide.shape), []).append(wide / (tf.norm(wide) + TINY))
    found = {shape: iter(tf.unstack(orthogonalised(tf.stack(parts), dtype))) for shape, parts in stacks.items()}
    return [whole(found, gradient.shape) for gradient in gradients]


def wide_parts(matrix: tf.Tensor) -> list[tf.Tensor]:
    """The matrices that [1, in, out] is made of, each transposed if it has more rows than columns."""
    rows, columns = part_shape(matrix.shape)
    parts = tf.split(matrix[0], matrix.shape[2] // columns, axis=1)
    return [tf.transpose(part) if rows > columns else part for part in parts]


def whole(found: dict[tuple[int, int], Iterator[tf.Tensor]], shape: Sequence[int]) -> tf.Tensor:
    """The matrix [1, in, out] whose `wide_parts` are the next of their shape."""
    rows, columns = part_shape(shape)
    parts = [next(found[min(rows, columns), max(rows, columns)]) for _ in range(shape[2] // columns)]
    return tf.concat([tf.transpose(part) if rows > columns else part for part in parts], axis=1)[None]


def orthogonalised(x: tf.Tensor, dtype: tf.DType = tf.float32) -> tf.Tensor:
    """Wide matrices float32 [n, rows, columns] of norm 1 with all singular values brought near to 1: 0.7 to 1.2.

    An iteration is x -> p x, where p = a + b g + c g² and g = x xᵀ (Jordan et al.). Factors of products are rounded to
    dtype.
    """

    def product(a: tf.Tensor, b: tf.Tensor, adj_y: bool = False) -> tf.Tensor:
        return fast_product(tf.cast(a, dtype), tf.cast(b, dtype), adj_y)

    def polynomial(gram: tf.Tensor) -> tf.Tensor:
        a, b, c = COEFFICIENTS
        return a * tf.eye(gram.shape[1]) + b * gram + c * product(gram, gram)

    wide = x.shape[2] >= 2 * x.shape[1]
    for iterations in STRETCHES if wide else (1,) * sum(STRETCHES):
        # Of these only the first g is taken from x; the next is p g p, and x is multiplied by all their p at once.
        gram = product(x, x, adj_y=True)
        p = all_p = polynomial(gram)
        for _ in range(iterations - 1):
            gram = product(product(p, gram), p)
            p = polynomial(gram)
            all_p = product(p, all_p)
        x = product(all_p, x)
    return x
