"""Muon: a matrix of a block moves along its orthogonalised momentum, and everything else by AdamW.

Jordan et al., "Muon", 2024 (kellerjordan.github.io/posts/muon): Nesterov momentum and the Newton-Schulz iteration.
Liu et al., "Muon is Scalable for LLM Training", 2025, section 2.2: the size of an update, and the weight decay.
"""

from collections.abc import Sequence

import tensorflow as tf

from gpt2.training.adaptive import AdamW
from gpt2.training.updates import Tensors, Variables, by_layer, own

MOMENTUM = 0.95  # Jordan et al.
COEFFICIENTS, ITERATIONS = (3.4445, -4.7750, 2.0315), 5  # Jordan et al.
RMS = 0.2  # Liu et al., equation 4: the root mean square of AdamW's updates, so that both take one learning rate.
TINY = 1e-7  # Keeps a momentum of zero from a division by zero.


class Muon(AdamW):
    """Muon for the blocks' matrices, AdamW for embeddings, positions, gains and biases, at the same learning rate.

    Queries, keys and values are three matrices. Slots: `momentum/NAME` of the blocks' matrices, half of what Adam keeps
    of them; `m/NAME` and `v/NAME` of everything else.
    """

    slot_kinds = ("momentum", "m", "v")

    def slot_shape(self, kind: str, shape: tf.TensorShape) -> tf.TensorShape | None:
        return shape if (kind == "momentum") == is_of_block(shape) else None

    def apply(
        self, gradients: Tensors, learning_rate: tf.Tensor, step: tf.Tensor, scale: tf.Tensor | float = 1.0
    ) -> None:
        of_blocks = {name: gradient for name, gradient in gradients.items() if is_of_block(gradient.shape)}
        rest = {name: gradient for name, gradient in gradients.items() if name not in of_blocks}
        super().apply(rest, learning_rate, step, scale)
        for names in by_layer(of_blocks):
            slots = [own(self.slots[f"momentum/{name}"]) for name in names]
            directions = orthogonal_momenta(slots, [of_blocks[name] for name in names], scale)
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


def orthogonal_momenta(
    slots: list[tf.Variable], gradients: list[tf.Tensor], scale: tf.Tensor | float
) -> list[tf.Tensor]:
    """Brings the momenta of some matrices up to date, and gives them orthogonalised: float32 [1, in, out] each.

    Matrices of one shape are one batch of products. Those stand outside of XLA: oneDNN is faster on a CPU.
    """
    stacks = [orthogonalised(stack) for stack in stacks_of_momenta(slots, gradients, scale)]
    return unstacked(stacks, [tuple(gradient.shape) for gradient in gradients])


@tf.function(jit_compile=True)
def stacks_of_momenta(
    slots: list[tf.Variable], gradients: list[tf.Tensor], scale: tf.Tensor | float
) -> list[tf.Tensor]:
    """Brings momenta up to date; gives them, one step ahead as Nesterov's, of norm 1, by shape [n, rows, columns].

    No matrix has more rows than columns: one that has is transposed.
    """
    stacks: dict[tuple[int, int], list[tf.Tensor]] = {}
    for slot, gradient in zip(slots, gradients, strict=True):
        gradient = tf.cast(gradient, tf.float32) * scale
        momentum = slot.assign(MOMENTUM * slot + gradient)
        ahead = (gradient + MOMENTUM * momentum)[0]
        rows, columns = part_shape(gradient.shape)
        for part in tf.split(ahead, gradient.shape[2] // columns, axis=1):
            wide = tf.transpose(part) if rows > columns else part
            stacks.setdefault(tuple(wide.shape), []).append(wide / (tf.norm(wide) + TINY))
    return [tf.stack(parts) for parts in stacks.values()]


@tf.function(jit_compile=True)
def unstacked(stacks: list[tf.Tensor], shapes: list[tuple[int, ...]]) -> list[tf.Tensor]:
    """The matrices of these shapes [1, in, out] of which `stacks_of_momenta` made stacks."""
    parts = {tuple(stack.shape[1:]): iter(tf.unstack(stack)) for stack in stacks}

    def matrix(shape: tuple[int, ...]) -> tf.Tensor:
        rows, columns = part_shape(shape)
        found = [next(parts[min(rows, columns), max(rows, columns)]) for _ in range(shape[2] // columns)]
        return tf.concat([tf.transpose(part) if rows > columns else part for part in found], axis=1)[None]

    return [matrix(shape) for shape in shapes]


def orthogonalised(x: tf.Tensor) -> tf.Tensor:
    """Wide matrices float32 [n, rows, columns] of norm 1 with all singular values brought near to 1: 0.7 to 1.2.

    An iteration is x -> p x, where p = a + b g + c g² and g = x xᵀ (Jordan et al.).
    """
    rows, columns = x.shape[1:]
    if columns >= 2 * rows:  # Then the products of `iterated_gram` are fewer.
        return tf.matmul(iterated_gram(tf.matmul(x, x, transpose_b=True)), x)
    for _ in range(ITERATIONS):
        x = tf.matmul(polynomial(tf.matmul(x, x, transpose_b=True)), x)
    return x


def iterated_gram(gram: tf.Tensor) -> tf.Tensor:
    """The product of the p of all iterations [n, rows, rows], of which only the first g is given: the next is p g p."""
    product = polynomial(gram)
    p = product
    for _ in range(ITERATIONS - 1):
        gram = tf.matmul(tf.matmul(p, gram), p)
        p = polynomial(gram)
        product = tf.matmul(p, product)
    return product


def polynomial(gram: tf.Tensor) -> tf.Tensor:
    """a + b g + c g² of matrices g [n, rows, rows]."""
    a, b, c = COEFFICIENTS
    return a * tf.eye(gram.shape[1]) + b * gram + c * tf.matmul(gram, gram)
