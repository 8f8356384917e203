"""Text to ids and back inside a TensorFlow graph, to be saved with a model that is served.

The pieces of the pattern are found by array operations over characters, since RE2, the only pattern matcher of a
graph, cannot look ahead and knows another Unicode. The merges are those of SentencePiece, which TensorFlow Text
brings along: it merges the neighbours that make the token of the highest score, and of equals the leftmost.
"""

import struct

import numpy as np
import tensorflow as tf
import tensorflow_text

from encoder.pattern import CONTRACTIONS, WHITE, character_classes
from encoder.reference import Encoder, PieceCache, merge
from encoder.vocabulary import END_OF_TEXT, Vocabulary
from system.errors import UserError

END = 0x110000  # Stands for the end of a text, beyond all characters.
NORMAL, UNKNOWN, BPE = 1, 2, 2  # sentencepiece_model.proto, SentencePiece.Type and TrainerSpec.ModelType


class GraphEncoder(tf.Module):
    """An encoder whose methods are graphs; `tf.saved_model.save` takes it, alone or as a part of another module.

    Who loads it must have imported tensorflow_text, which brings the operation that merges; TensorFlow Serving has it.

    Raises:
      ValueError: the bytes of a token do not merge to it, which is never so in a vocabulary that was learnt from text.
    """

    def __init__(self, enc: Encoder):
        super().__init__()
        _check_tokens(enc.vocabulary)
        self._merger = tensorflow_text.SentencepieceTokenizer(_sentencepiece_model(enc.vocabulary))
        self._classes = tf.constant(np.append(character_classes(END), np.uint8(WHITE)))
        self._token_bytes = tf.constant(enc.vocabulary.token_bytes)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def encode(self, texts: tf.Tensor | list[str]) -> tf.RaggedTensor:
        """The ids of texts; `<|endoftext|>` in them is text as any other.

        Args:
          texts: string [batch], UTF-8 of any length.
        Returns:
          int32 [batch, (n_ids)], ragged.
        Raises:
          tf.errors.InvalidArgumentError: a text is not UTF-8, halves of surrogate pairs included.
        """
        characters = tf.strings.unicode_decode(texts, "UTF-8", errors="strict")  # [batch, (n_characters)]
        starts = tf.where(_begins(characters, self._classes))[:, 0]  # [n_pieces]
        pieces = tf.RaggedTensor.from_row_starts(characters.values, starts)  # [n_pieces, (n_characters)]
        # A text has few different pieces, and merging takes longer than all the rest.
        pieces, places = tf.unique(tf.strings.unicode_encode(pieces, "UTF-8"))  # [n_different], [n_pieces]
        # SentencePiece wants characters: each byte is taken for the one of its number.
        pieces = tf.strings.unicode_transcode(pieces, "ISO-8859-1", "UTF-8")
        ids = tf.gather(self._merger.tokenize(pieces), places)  # [n_pieces, (n_ids)]
        rows = tf.gather(characters.value_rowids(), starts)
        return tf.RaggedTensor.from_value_rowids(ids, rows, characters.nrows()).merge_dims(1, 2)

    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.int32)])
    def decode(self, ids: tf.RaggedTensor | tf.Tensor) -> tf.Tensor:
        """The texts of ids; a character that was cut, or bytes that are none, give U+FFFD.

        Args:
          ids: int32 [batch, (n_ids)], ragged.
        Returns:
          string [batch], UTF-8.
        Raises:
          tf.errors.InvalidArgumentError: an id outside the vocabulary.
        """
        texts = tf.strings.reduce_join(tf.gather(self._token_bytes, ids), axis=1)
        return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")


def _begins(characters, classes):
    """Whether a piece begins at each character of ragged int32 [batch, (n_characters)]; bool [n].

    An END after each text is white space as well, and a piece of its own; that of the last text also stands before
    the first, for the arrays are circular.
    """
    ends = tf.fill([characters.nrows(), 1], END)
    character = tf.concat([characters, ends], axis=1).values
    kind = tf.gather(classes, character)
    end, white = character == END, kind == WHITE
    # A piece begins where the class changes, but a space goes with what follows it.
    begins = (kind != tf.roll(kind, 1, 0)) & (tf.roll(character, 1, 0) != ord(" "))
    # White space leaves its last character to what follows.
    begins |= white & ~tf.roll(white, -1, 0)
    begins |= end | tf.roll(end, 1, 0)
    # An apostrophe that begins a piece goes with the s, t, m, d, re, ve or ll after it, and with no more.
    apostrophe = begins & (character == ord("'"))
    for letters in CONTRACTIONS:
        found = apostrophe
        for place, letter in enumerate(letters, start=1):
            found &= tf.roll(character, -place, 0) == ord(letter)
        begins &= ~tf.roll(found, 1, 0)
        begins |= tf.roll(found, 1 + len(letters), 0)
    return tf.boolean_mask(begins, ~end)


def _check_tokens(vocabulary: Vocabulary) -> None:
    """Raises a ValueError if the bytes of a token, alone, do not merge to it.

    SentencePiece merges two neighbours that make a token, whatever two they are. Where each token's bytes merge to it,
    they are those of its merge: as long as nothing has crossed the ends of a token to be, the bytes within have
    merged as they do alone, and alone only those two can be left at last.
    """
    known = PieceCache(vocabulary)
    for id, token in enumerate(vocabulary.token_bytes[:-1]):
        ids = merge([known.byte_ids[byte] for byte in token], known.ranks, known.results)
        if ids != [id]:
            raise UserError(
                f"token {vocabulary.tokens[id]!r}: its bytes merge to {[vocabulary.tokens[id] for id in ids]}, "
                "expected the token itself, as in a vocabulary that was learnt from text; encode outside the graph"
            )


def _sentencepiece_model(vocabulary: Vocabulary) -> bytes:
    """The vocabulary as a ModelProto of SentencePiece, each byte written as the character of its number.

    The numbers of fields and kinds are those of sentencepiece_model.proto.
    """
    scores = {left + right: -float(rank) for rank, (left, right) in enumerate(vocabulary.merges)}
    pieces = [
        _message({1: token.decode("latin-1").encode(), 2: scores.get(name, 0.0), 3: NORMAL})
        for name, token in zip(vocabulary.tokens[:-1], vocabulary.token_bytes, strict=False)
    ]
    # There must be an unknown piece; no text gives it, nor end of text.
    pieces.append(_message({1: END_OF_TEXT.encode(), 3: UNKNOWN}))
    trainer = _message({3: BPE, 40: len(pieces) - 1})  # model_type, unk_id
    # add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces: the text is taken as it is.
    normalizer = _message({3: 0, 4: 0, 5: 0})
    return b"".join(_message({1: piece}) for piece in pieces) + _message({2: trainer, 3: normalizer})


def _message(fields: dict[int, int | float | bytes]) -> bytes:
    """A message of protocol buffers, of fields by their numbers."""
    parts = []
    for number, value in fields.items():
        match value:
            case int():
                parts += [_varint(number << 3), _varint(value)]
            case float():
                parts += [_varint(number << 3 | 5), struct.pack("<f", value)]
            case bytes():
                parts += [_varint(number << 3 | 2), _varint(len(value)), value]
    return b"".join(parts)


def _varint(value: int) -> bytes:
    """Seven bits in each byte, the lowest first, and a mark on all but the last."""
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + _varint(value >> 7)
