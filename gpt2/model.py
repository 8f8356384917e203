"""The GPT-2 graph, number for number what OpenAI's src/model.py computes.

The axes: batch, seq (positions of the ids given), dst and src (seeing and seen positions), head, size (of a head).
"""

import tensorflow as tf

from gpt2.attention import attend, attend_window
from gpt2.hparams import (
    GELU_CUBE,
    GELU_SCALE,
    LAYER_NORM_EPSILON,
    POSITION_STDDEV,
    WEIGHT_STDDEV,
    HParams,
    weight_shapes,
)
from gpt2.precision import float32_product, product_of
from system.errors import UserError


def fresh_weights(seed: int):
    """The weights of an untrained model, a function of (seed, name): to be given to `GPT2` as `initial`."""

    def initial(name, shape):
        if name.endswith("/g"):
            return tf.ones(shape)
        if name.endswith("/b"):
            return tf.zeros(shape)
        stddev = POSITION_STDDEV if name == "model/wpe" else WEIGHT_STDDEV
        # Two 32-bit words; the second differs from name to name, so that no two weights are alike.
        words = [seed % 2**31, int.from_bytes(name.encode(), "little") % (2**31 - 1)]
        return tf.random.stateless_normal(shape, words, stddev=stddev)

    return initial


class Graph:
    """What GPT-2 computes with weights that it is given: the same for all models of one kind.

    Attributes:
      hparams: the sizes.
      dtype: of the residual stream and of what is multiplied by a matrix, float32 or bfloat16. Sums of products and
        what is computed from one number at a time are always float32: XLA rounds to bfloat16 after each operation,
        which on a CPU costs more time than the operation.
    """

    def __init__(self, hparams: HParams, dtype="float32"):
        self.hparams = hparams
        self.dtype = tf.as_dtype(dtype)

    def embed(self, ids, positions, wte, wpe):
        """What goes into the first block: ids [batch, seq] and positions [batch or 1, seq] -> [batch, seq, n_embd]."""
        return tf.cast(tf.gather(wte, ids), self.dtype) + tf.cast(tf.gather(wpe, positions), self.dtype)

    def block(self, x, weights, positions=None, past=None, *, product=product_of, attention=attend_window):
        """One layer: the residual stream [batch, seq, n_embd] after it, and the keys and values it leaves.

        Args:
          x: the residual stream before it.
          weights: by their names in the layer, such as `attn/c_attn/w`.
          positions, past: as `transform` makes them; without, the ids are a window from its beginning.
          product: computes the product of x [rows, in] and a matrix w [in, out], given (name, x, w); the name is that
            of the matrix in `weights`.
          attention: computes the attention of a window, given (q, k, v).
        """
        c_attn = self._conv1d("attn/c_attn", self.norm(x, below("ln_1", weights)), weights, product)
        parts = tf.split(tf.cast(c_attn, self.dtype), 3, axis=-1)
        q, k, v = (split_heads(part, self.hparams.n_head) for part in parts)
        if past is not None:
            k, v = write_rows(past[0], k, positions), write_rows(past[1], v, positions)
            attended = attend(q, k, v, positions)  # [batch, head, dst, size]
        elif q.shape[2] is None:
            attended = attend(q, k, v, positions)
        else:
            attended = attention(q, k, v)
        x = self._add(x, self._conv1d("attn/c_proj", merge_heads(attended), weights, product))
        c_fc = self._conv1d("mlp/c_fc", self.norm(x, below("ln_2", weights)), weights, product)
        x = self._add(x, self._conv1d("mlp/c_proj", tf.cast(gelu(c_fc), self.dtype), weights, product))
        return x, (k, v)

    def norm(self, x, weights):
        """A layer norm with the gain g and the bias b: [..., n_embd], in the dtype of the activations."""
        x = tf.cast(x, tf.float32)
        mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
        x = (x - mean) * tf.math.rsqrt(variance + LAYER_NORM_EPSILON)
        return tf.cast(x * tf.cast(weights["g"], tf.float32) + tf.cast(weights["b"], tf.float32), self.dtype)

    def _conv1d(self, name, x, weights, product):
        """OpenAI's word for a product with a matrix, and a bias: [batch, seq, in] -> [batch, seq, out], float32."""
        w, b = tf.cast(weights[f"{name}/w"], self.dtype)[0], tf.cast(weights[f"{name}/b"], tf.float32)
        batch, seq = tf.shape(x)[0], tf.shape(x)[1]
        flat = tf.reshape(x, [batch * seq, w.shape[0]])  # one large product, not one a row
        flat = tf.cast(product(f"{name}/w", flat, w), tf.float32) + b
        return tf.reshape(flat, [batch, seq, w.shape[1]])

    def _add(self, x, change):
        """The residual stream and a float32 change of it, rounded once to the dtype of the activations."""
        return tf.cast(tf.cast(x, tf.float32) + change, self.dtype)


class GPT2(tf.Module, Graph):
    """A GPT-2: called on int32 ids [batch, seq] it gives float32 logits [batch, seq, n_vocab].

    Attributes:
      hparams, dtype: see `Graph`.
      weights: its variables, by their names in a checkpoint.
      recompute: whether training computes each block again for its gradient, instead of keeping what is inside it.
    """

    def __init__(self, hparams: HParams, initial=None, dtype="float32", weight_dtype=None):
        """A model whose weights are `initial(name, shape)`, by default those of an untrained one.

        Args:
          hparams: the sizes.
          initial: a function of a weight's name and shape, giving its value.
          dtype: what the activations are computed in, float32 or bfloat16; norms, softmax and logits are always
            float32.
          weight_dtype: what the weights are kept in, by default `dtype`.
        """
        tf.Module.__init__(self, name="model")
        Graph.__init__(self, hparams, dtype)
        self.recompute = False
        initial = initial or fresh_weights(seed=0)
        self.weights = {
            name: tf.Variable(tf.cast(initial(name, shape), weight_dtype or dtype), name=name)
            for name, shape in weight_shapes(hparams).items()
        }

    def __call__(self, ids):
        hidden, _ = self.transform(ids)
        return self.logits(hidden)

    def transform(self, ids, past=None, position=None):
        """The hidden state at each position, and the keys and values it leaves for later ones.

        Args:
          ids: int32 [batch, seq].
          past: a key and a value [batch, head, src, size] for each layer, of which the first `position` are filled;
            nothing, if the ids are the first.
          position: int32 [batch], how many positions of each row the past holds; those and seq fit into src.
        Returns:
          hidden: [batch, seq, n_embd], after the last norm.
          present: a key and a value for each layer: of the seq positions without a past, else the past with the new
            positions written into it.
        Raises:
          ValueError: more ids than n_ctx, where their number is known when the graph is made.
        """
        ids = tf.convert_to_tensor(ids, tf.int32)
        if ids.shape[1] is not None and ids.shape[1] > self.hparams.n_ctx:
            raise UserError(f"{ids.shape[1]} ids, expected at most {self.hparams.n_ctx} (n_ctx); give fewer")
        positions = tf.range(tf.shape(ids)[1])[None]  # [1, seq]
        if past is not None:
            positions += position[:, None]  # [batch, seq]
        x = self.embed(ids, positions, self.weights["model/wte"], self.weights["model/wpe"])
        present = []
        for layer in range(self.hparams.n_layer):
            x, key_value = self.block(x, below(f"model/h{layer}", self.weights), positions, past and past[layer])
            present.append(key_value)
        return self.norm(x, below("model/ln_f", self.weights)), present

    def logits(self, hidden):
        """Hidden states [batch, seq, n_embd] -> float32 logits [batch, seq, n_vocab]."""
        wte = tf.cast(self.weights["model/wte"], self.dtype)
        batch, seq = tf.shape(hidden)[0], tf.shape(hidden)[1]
        flat = float32_product(tf.reshape(hidden, [batch * seq, self.hparams.n_embd]), wte, adj_y=True)
        return tf.reshape(flat, [batch, seq, self.hparams.n_vocab])

    def empty_past(self, batch: int, src: int):
        """Room for the keys and values of `src` positions: a past whose `position` is 0."""
        size = self.hparams.n_embd // self.hparams.n_head
        shape = [batch, self.hparams.n_head, src, size]
        return [(tf.zeros(shape, self.dtype), tf.zeros(shape, self.dtype)) for _ in range(self.hparams.n_layer)]


def below(scope: str, weights):
    """The weights whose names begin with this scope, by the rest of the name."""
    return {name.removeprefix(f"{scope}/"): w for name, w in weights.items() if name.startswith(f"{scope}/")}


def gelu(x):
    """x/2 (1 + tanh(scale (x + cube x³))). Hendrycks and Gimpel, "GELUs", 2016, section 2."""
    return 0.5 * x * (1 + tf.tanh(GELU_SCALE * (x + GELU_CUBE * x * x * x)))


def write_rows(past, rows, positions):
    """past [batch, head, src, size] with rows [batch, head, seq, size] at positions int32 [batch, seq] of src."""
    batch, head, seq = tf.shape(rows)[0], rows.shape[1], tf.shape(rows)[2]
    shape = [batch, head, seq]
    where = [
        tf.broadcast_to(tf.range(batch)[:, None, None], shape),
        tf.broadcast_to(tf.range(head)[None, :, None], shape),
        tf.broadcast_to(positions[:, None, :], shape),
    ]
    return tf.tensor_scatter_nd_update(past, tf.stack(where, axis=-1), rows)


def split_heads(x, head: int):
    """[batch, seq, n_embd] -> [batch, head, seq, size]"""
    batch, seq, n_embd = tf.shape(x)[0], tf.shape(x)[1], x.shape[2]
    return tf.transpose(tf.reshape(x, [batch, seq, head, n_embd // head]), [0, 2, 1, 3])


def merge_heads(x):
    """[batch, head, seq, size] -> [batch, seq, n_embd]"""
    batch, head, seq, size = tf.shape(x)[0], x.shape[1], tf.shape(x)[2], x.shape[3]
    return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, seq, head * size])
