"""The loss and its gradients, one layer after another: those of a layer are used, and forgotten, before the next.

A layer is a program of its own, compiled once for all of them. Of its forward pass the results of the matrix products
and of the attention are kept for its backward pass, which computes the rest again. The gradients of its matrices are
products outside of XLA: oneDNN makes them up to a fifth faster on a CPU.
"""

import functools

import numpy as np
import tensorflow as tf

from gpt2.attention import window_and_log_sums, window_gradient
from gpt2.model import GPT2, Graph, below
from gpt2.precision import product, product_of
from gpt2.training.loss import later, loss_and_gradients, summed_loss_and_gradients

NOT_KEPT = "mlp/c_proj/w"  # Its result is added to the residual stream and the block ends: no gradient needs it.


def make_backpropagate(model: GPT2, names):
    """A function (batch, use) -> mean cross-entropy, in nats, of each token given those before it: float32 scalar.

    batch as for `inputs_and_labels`. `use` is called with gradients by the names of their weights, some at a time, and
    may change those weights: each has been used for the last time.

    Args:
      names: of the weights whose gradients are to be used.
    """
    names = set(names)
    embed, block, block_gradients, head = programs(model.hparams, model.dtype, model.recompute, "model/wte" in names)

    def backpropagate(batch, use):
        def use_those_of(scope, gradients):
            gradients = {f"{scope}/{name}": gradient for name, gradient in gradients.items()}
            trained = {name: gradient for name, gradient in gradients.items() if name in names}
            if trained:
                use(trained)

        weights = {name: tf.convert_to_tensor(weight) for name, weight in model.weights.items()}
        ids, labels = inputs_and_labels(batch)
        x = embed(ids, weights["model/wte"], weights["model/wpe"])
        calls = []
        for layer in range(model.hparams.n_layer):
            weights_of_layer = below(f"model/h{layer}", weights)
            y, kept = block(x, weights_of_layer)
            calls.append((x, weights_of_layer, kept))
            x = y
        loss, d_x, gradients, d_wte = head(x, below("model/ln_f", weights), weights["model/wte"], labels)
        use_those_of("model/ln_f", gradients)
        for layer in reversed(range(model.hparams.n_layer)):
            d_x, gradients, factors = block_gradients(*calls.pop(), d_x)
            gradients |= products(factors, names, f"model/h{layer}")
            use_those_of(f"model/h{layer}", gradients)
        if names & {"model/wte", "model/wpe"}:
            use_those_of("model", embedding_gradients(ids, d_x, d_wte, model.hparams.n_ctx))
        return loss

    return backpropagate


@functools.lru_cache(maxsize=8)
def programs(hparams, dtype, recompute: bool, trains_wte: bool):
    """The parts of a step, compiled once for all models of a kind, however often one is made in a process.

    Args:
      hparams, dtype: see `Graph`.
      recompute: whether a block's products and attention are computed again for its gradient, and not kept; and all
        else takes the least memory too.
      trains_wte: whether the gradient of the token embeddings is wanted.
    Returns:
      The functions `embed`, `block`, `block_gradients` and `head` of `make_backpropagate`.
    """
    graph = Graph(hparams, dtype)

    @tf.function(jit_compile=True)
    def embed(ids, wte, wpe):
        return graph.embed(ids, tf.range(ids.shape[1])[None], wte, wpe)

    @tf.function(jit_compile=True)
    def block(x, weights):
        results = Results()
        ways = {"product": results.product, "attention": results.attention} if not recompute else {}
        return graph.block(x, weights, **ways)[0], results.kept

    @tf.function(jit_compile=True)
    def block_gradients(x, weights, kept, d_y):
        known = KnownResults(kept)
        ways = {"product": known.product, "attention": known.attention} if not recompute else {}
        # Where all is one program, as on a TPU, XLA would else compute the block once and keep what is inside.
        x = later(x, d_y)
        with tf.GradientTape() as tape:
            tape.watch((x, weights))
            y, _ = graph.block(x, weights, **ways)
        d_x, gradients = tape.gradient(y, (x, weights), d_y)
        return d_x, {name: d for name, d in gradients.items() if d is not None}, known.factors

    @tf.function(jit_compile=True)
    def norm(x, weights):
        return tf.reshape(graph.norm(x, weights), [-1, graph.hparams.n_embd])

    @tf.function(jit_compile=True)
    def norm_gradients(x, weights, d_hidden):
        with tf.GradientTape() as tape:
            tape.watch((x, weights))
            hidden = norm(x, weights)
        return tape.gradient(hidden, (x, weights), tf.cast(d_hidden, hidden.dtype))

    @tf.function(jit_compile=True)
    def loss_in_least_memory(hidden, wte, labels):
        loss, d_hidden, d_wte = summed_loss_and_gradients(hidden, wte, labels, weight=1 / labels.shape[0])
        return loss, d_hidden, d_wte if trains_wte else None

    def head(x, weights, wte, labels):
        hidden, wte = norm(x, weights), tf.cast(wte, graph.dtype)
        if recompute:
            loss, d_hidden, d_wte = loss_in_least_memory(hidden, wte, labels)
        else:
            loss, d_hidden, d_wte = loss_and_gradients(hidden, wte, labels, trains_wte)
        return loss, *norm_gradients(x, weights, d_hidden), d_wte

    return embed, block, block_gradients, head


def products(factors, names, scope):
    """The gradients of a layer's matrices by their names in it, of those that are wanted: [1, in, out]."""
    wanted = {name: pair for name, pair in factors.items() if f"{scope}/{name}" in names}
    return {name: tf.matmul(x, d, transpose_a=True)[None] for name, (x, d) in wanted.items()}


def embedding_gradients(ids, d_x, d_wte, n_ctx: int):
    """The gradients of wpe, and of wte if one of the logits is given, to which that of the ids is added."""
    d_x = tf.cast(d_x, tf.float32)
    d_wpe = tf.reduce_sum(d_x, axis=0)
    gradients = {"wpe": tf.pad(d_wpe, [[0, n_ctx - d_wpe.shape[0]], [0, 0]])}
    if d_wte is not None:
        gradients["wte"] = tf.tensor_scatter_nd_add(d_wte, ids[:, :, None], d_x)
    return gradients


def inputs_and_labels(batch):
    """What goes in, int32 [batch, seq], and what is to be predicted, int32 [batch * seq].

    batch int32 [batch, seq + 1]: all but the last go in, all but the first are to be predicted; or [batch, 2, seq],
    what goes in above what is to be predicted, where they differ by noise.
    """
    ids, labels = (batch[:, 0], batch[:, 1]) if batch.shape.rank == 3 else (batch[:, :-1], batch[:, 1:])
    return ids, tf.reshape(labels, [-1])


class Results:
    """Products and attention, computed, and kept for `KnownResults`.

    Attributes:
      kept: the result of each product by the name of its matrix, and `attention`, what was attended and `log_sums`.
    """

    def __init__(self):
        self.kept = {}

    def product(self, name, x, w):
        result = product_of(name, x, w)
        if name != NOT_KEPT:
            self.kept[name] = result
        return result

    def attention(self, q, k, v):
        self.kept["attention"] = window_and_log_sums(q, k, v)
        return self.kept["attention"][0]


class KnownResults:
    """The same products and attention: not computed, but looked up by name; only their gradients are computed.

    Attributes:
      factors: x and d by the names of the matrices, whose gradient is xᵀ d, once the rest of the gradient is computed.
    """

    def __init__(self, kept):
        self.kept = kept
        self.factors = {}

    def product(self, name, x, w):
        # A graph whose gradient needs the result that is not kept has a loss of NaN in its second step.
        result = tf.fill([x.shape[0], w.shape[1]], tf.cast(np.nan, x.dtype)) if name == NOT_KEPT else self.kept[name]

        @tf.custom_gradient
        def known(x):
            def grad(d):
                self.factors[name] = x, d
                return product(d, w, adj_y=True)

            return result, grad

        return known(x)

    def attention(self, q, k, v):
        attended, log_sums = self.kept["attention"]

        @tf.custom_gradient
        def known(q, k, v):
            return attended, lambda d: window_gradient(q, k, v, attended, log_sums, d)

        return known(q, k, v)
