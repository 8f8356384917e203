"""A SavedModel that takes text and gives text: the encoder, the model and all of sampling are one TensorFlow graph.

TensorFlow Serving runs it; in Python, tensorflow and tensorflow_text load it. A seed gives the text of sample.py.
"""

from typing import NamedTuple

import tensorflow as tf

from encoder.in_graph import GraphEncoder
from encoder.reference import Encoder
from encoder.vocabulary import END_OF_TEXT
from gpt2.formats.stored_model import StoredModel
from gpt2.model import GPT2
from gpt2.sampling import in_graph

# The white space of str.isspace, which RE2 has no name for: what a prompt ends in is encoded by itself.
WHITE = r"[\t-\r\x1c-\x20\x85\xa0\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
ENDING = rf"(?s)^(.*?)({WHITE}?)$"

# The defaults of sample.py: tensors, or TensorFlow Serving would not see them.
SEED, TEMPERATURE, TOP_K, TOP_P = tf.constant(0, tf.int64), tf.constant(1.0), tf.constant(40), tf.constant(0.0)
LENGTH, STOP = tf.constant(0), tf.constant("")

Past = list[tuple[tf.Tensor, tf.Tensor]]


class How(NamedTuple):
    """How texts are written: how their ids are drawn, and the text at which each ends; see `Poet.write`."""

    draw: in_graph.Draw
    stop: tf.Tensor


class Rows(NamedTuple):
    """The texts while they are written.

    Attributes:
      ids: int32 [batch, longest], those of the prompt and those that were written.
      n_ids: int32 [batch], how many.
      begins: int32 [batch], the first id that the model sees.
      texts: string [batch], what was written.
      ended: bool [batch].
      logits: float32 [batch, n_vocab], after the last id.
      past: for each layer the keys and values of the ids from `begins` on, [batch, head, src, size].
    """

    ids: tf.Tensor
    n_ids: tf.Tensor
    begins: tf.Tensor
    texts: tf.Tensor
    ended: tf.Tensor
    logits: tf.Tensor
    past: Past


class Poet(tf.Module):
    """A model with its encoder, whose method `write` is one graph."""

    def __init__(self, model: GPT2, enc: Encoder):
        super().__init__()
        self.model, self.encoder = model, GraphEncoder(enc)
        self.n_ctx, self.end = model.hparams.n_ctx, model.hparams.n_vocab - 1
        self.token_bytes = tf.constant(enc.vocabulary.token_bytes)
        self.is_spaced = tf.constant([token.startswith(b" ") for token in enc.vocabulary.token_bytes])

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "prompts"),
            tf.TensorSpec([], tf.int64, "seed"),
            tf.TensorSpec([], tf.float32, "temperature"),
            tf.TensorSpec([], tf.int32, "top_k"),
            tf.TensorSpec([], tf.float32, "top_p"),
            tf.TensorSpec([], tf.int32, "length"),
            tf.TensorSpec([], tf.string, "stop"),
        ],
        autograph=False,
    )
    def write(
        self,
        prompts: tf.Tensor,
        seed: tf.Tensor = SEED,
        temperature: tf.Tensor = TEMPERATURE,
        top_k: tf.Tensor = TOP_K,
        top_p: tf.Tensor = TOP_P,
        length: tf.Tensor = LENGTH,
        stop: tf.Tensor = STOP,
    ) -> dict[str, tf.Tensor]:
        """Continues prompts: {"texts": string [batch]}, without the prompts; row i is sample i + 1 of sample.py.

        Args:
          prompts: string [batch], UTF-8; an empty one begins a new text.
          seed: the same seed gives the same texts.
          temperature, top_k, top_p: see `gpt2.sampling.filters.Filters`.
          length: the most tokens of a text; 0 for the window without a prompt, and half of it with one.
          stop: the text at which a text ends, without it; empty for none.
        Raises:
          tf.errors.InvalidArgumentError: a number out of its range, a prompt longer than the window or not UTF-8.
        """
        checks = [
            tf.debugging.assert_non_negative(temperature, "temperature: expected 0 or more"),
            tf.debugging.assert_non_negative(top_k, "top_k: expected 0 or more"),
            tf.debugging.assert_non_negative(length, "length: expected 0 or more"),
            tf.debugging.Assert((top_p >= 0) & (top_p <= 1), ["top_p: expected 0 to 1, found", top_p]),
        ]
        with tf.control_dependencies(checks):
            ids = self.ids_of(prompts)
        n_ids = tf.cast(ids.row_lengths(), tf.int32)
        longest = f"a prompt is longer than the window of {self.n_ctx} tokens; shorten it"
        with tf.control_dependencies([tf.debugging.assert_less_equal(n_ids, self.n_ctx, longest)]):
            ids = ids.with_values(tf.identity(ids.values))
        length = tf.where(length > 0, length, tf.where(prompts == "", self.n_ctx - 1, max(1, self.n_ctx // 2)))
        length = tf.broadcast_to(length, tf.shape(n_ids))
        rows = self.start(ids.to_tensor(), n_ids, tf.reduce_max(n_ids + length, 0))
        held = tf.strings.regex_full_match(prompts, "(?s).* ")
        how = How(in_graph.Draw(seed, temperature, top_k, top_p), stop)
        rows = tf.while_loop(
            lambda rows: ~tf.reduce_all(rows.ended),
            lambda rows: (self.step(rows, n_ids, length, held, how),),
            (rows,),
        )[0]
        return {"texts": tf.strings.unicode_transcode(rows.texts, "UTF-8", "UTF-8", errors="replace")}

    def ids_of(self, prompts: tf.Tensor) -> tf.RaggedTensor:
        """The ids of prompts, int32 [batch, (n_ids)], as `gpt2.jobs.job.ids_of`; end of text for an empty prompt.

        `<|endoftext|>` in a prompt is one id; the last white space is encoded by itself, and a space is left to the
        word that follows.
        """
        body = tf.strings.regex_replace(prompts, ENDING, r"\1")
        last = tf.strings.regex_replace(tf.strings.regex_replace(prompts, ENDING, r"\2"), " ", "")
        parts = tf.strings.split(body, END_OF_TEXT)  # [batch, (n_parts)]
        ids = self.encoder.encode(parts.values)
        ends = tf.fill([ids.nrows(), 1], self.end)
        ids = parts.with_values(tf.concat([ends, ids], axis=1)).merge_dims(1, 2)[:, 1:]  # an end between two parts
        ids = tf.concat([ids, self.encoder.encode(last)], axis=1)
        n_ends = tf.cast(ids.row_lengths() == 0, tf.int64)
        return tf.concat([ids, tf.RaggedTensor.from_row_lengths(tf.fill([tf.reduce_sum(n_ends)], self.end), n_ends)], 1)

    def start(self, ids: tf.Tensor, n_ids: tf.Tensor, longest: tf.Tensor) -> Rows:
        """The rows at their beginning, with room for texts of the longest number of ids; ids int32 [batch, seq]."""
        batch, src = tf.shape(ids)[0], tf.minimum(longest, self.n_ctx)
        logits, past = self.read(ids, n_ids, src)
        tf.debugging.check_numerics(logits, "the model's weights have diverged; convert an earlier save")
        ids = tf.pad(ids, [[0, 0], [0, longest - tf.shape(ids)[1]]])
        return Rows(ids, n_ids, tf.zeros_like(n_ids), tf.fill([batch], ""), tf.fill([batch], False), logits, past)

    def read(self, ids: tf.Tensor, n_ids: tf.Tensor, src: tf.Tensor) -> tuple[tf.Tensor, Past]:
        """The logits after the first n_ids [batch] of ids [batch, seq], and their past, with room for src positions."""
        hidden, present = self.model.transform(ids)
        rest = [[0, 0], [0, 0], [0, src - tf.shape(ids)[1]], [0, 0]]
        past = [(tf.pad(k, rest), tf.pad(v, rest)) for k, v in present]
        return self.model.logits(tf.gather(hidden, n_ids[:, None] - 1, batch_dims=1))[:, 0], past

    def step(self, rows: Rows, n_prompt: tf.Tensor, length: tf.Tensor, held: tf.Tensor, how: How) -> Rows:
        """The rows after one more id of each that has not ended."""
        is_first = rows.n_ids == n_prompt
        spaced = (is_first & held)[:, None] & ~self.is_spaced  # [batch, n_vocab], ids that the space rules out
        numbers = tf.range(1, tf.shape(length)[0] + 1)
        logits = tf.where(spaced, float("-inf"), rows.logits)
        chosen = in_graph.choose(logits, how.draw, numbers, rows.n_ids)
        writes = ~rows.ended & (chosen != self.end)
        places = tf.stack([tf.range(tf.shape(length)[0]), rows.n_ids], axis=1)
        ids = tf.tensor_scatter_nd_update(rows.ids, places[writes], chosen[writes])
        n_ids = rows.n_ids + tf.cast(writes, tf.int32)
        pieces = tf.gather(self.token_bytes, chosen)
        pieces = tf.where(is_first & held, tf.strings.regex_replace(pieces, "^ ", ""), pieces)
        texts, stopped = _until(rows.texts + tf.where(writes, pieces, ""), how.stop)
        rows = rows._replace(ids=ids, n_ids=n_ids, texts=texts, ended=~writes | stopped | (n_ids == n_prompt + length))
        return self.see(rows, chosen)

    def see(self, rows: Rows, chosen: tf.Tensor) -> Rows:
        """The rows with the logits after their last ids, int32 [batch], of which those that ended may be any."""
        src = tf.shape(rows.past[0][0])[2]
        seen = tf.minimum(rows.n_ids - rows.begins - 1, src - 1)
        hidden, past = self.model.transform(chosen[:, None], rows.past, seen)
        rows = rows._replace(logits=self.model.logits(hidden)[:, 0], past=past)
        full = ~rows.ended & (rows.n_ids - rows.begins > self.n_ctx)
        return tf.cond(tf.reduce_any(full), lambda: self.slide(rows, full), lambda: rows)

    def slide(self, rows: Rows, full: tf.Tensor) -> Rows:
        """The rows of which the full ones, bool [batch], have read the last half of the window again."""
        half = max(self.n_ctx // 2, 1)
        begins = tf.where(full, rows.n_ids - half, rows.begins)
        window = tf.gather(rows.ids, tf.maximum(rows.n_ids - half, 0)[:, None] + tf.range(half), batch_dims=1)
        logits, past = self.read(window, tf.fill(tf.shape(full), half), tf.shape(rows.past[0][0])[2])
        chosen = full[:, None, None, None]
        pairs = zip(past, rows.past, strict=True)
        past = [(tf.where(chosen, k, old_k), tf.where(chosen, v, old_v)) for (k, v), (old_k, old_v) in pairs]
        return rows._replace(begins=begins, logits=tf.where(full[:, None], logits, rows.logits), past=past)


def _until(texts: tf.Tensor, stop: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Texts [batch] up to the stop, and which of them hold it, bool [batch]; no stop is in no text."""

    def cut() -> tuple[tf.Tensor, tf.Tensor]:
        parts = tf.strings.split(texts, stop)
        return parts.to_tensor("")[:, 0], parts.row_lengths() > 1

    return tf.cond(stop == "", lambda: (texts, tf.zeros_like(texts, tf.bool)), cut)


def write_folder(model: StoredModel, folder: str) -> None:
    """Writes a SavedModel into a new folder.

    Raises:
      UserError: the vocabulary was not learnt from text, or the model cannot be read.
      OSError: the folder cannot be written to.
    """
    with tf.device("CPU:0"):
        poet = Poet(GPT2(model.hparams, lambda name, _: model.read(name)), Encoder(model.vocabulary))
    tf.saved_model.save(poet, folder, signatures=poet.write)
