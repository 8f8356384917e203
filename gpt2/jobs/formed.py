"""Samples in a form: which ids of a vocabulary keep a poem in it, from the prompt of a sample on."""

import functools

from encoder.reference import Encoder
from poems.prompts import Prompt
from poetics.forms.form import Form
from poetics.forms.guide import Guide, Verse
from poetics.forms.lexicon import Lexicon, own_lexicon, verse_lexicon
from system import files


class Formed:
    """A form for the samples of a job.

    Attributes:
      particles: how many texts are written for each sample.
      prefixed: whether every line has a prefix, as in the layout `prefix`.
      dictionary: a file of the words of which poems are made; None for those of English verse.
      digest: its SHA-256.
    """

    def __init__(self, enc: Encoder, form: Form, particles: int, *, prefixed: bool, dictionary: str | None = None):
        self.enc, self.form, self.particles, self.prefixed = enc, form, particles, prefixed
        self.dictionary, self.digest = dictionary, files.sha256(dictionary) if dictionary else ""

    def begin(self, prompt: Prompt) -> Verse:
        """A poem that goes on from the last line of a prompt, if that has no line end.

        Raises:
          UserError: the line is longer than the first of the form.
        """
        prefix = prompt.pieces[0] if self.prefixed else ""
        before = tuple(self.enc.encode(prefix)) if prefix else ()
        return self.guide.begin(prompt.text.rpartition("\n")[2].removeprefix(prefix), before)

    @property
    def guide(self) -> Guide:
        """What the form makes of the vocabulary.

        Raises:
          UserError: the file is no dictionary, or has not the rhymes that the form asks for.
        """
        lexicon = own_lexicon(self.dictionary, self.digest) if self.dictionary else verse_lexicon()
        return _guide(self.enc, self.form, lexicon)


@functools.lru_cache(4)  # since a conversation has a job for each prompt
def _guide(enc: Encoder, form: Form, lexicon: Lexicon) -> Guide:
    return Guide([_text(token) for token in enc.vocabulary.token_bytes], form, lexicon)


def _text(token: bytes) -> str | None:
    """The text of a token; None where it is part of a character, or no text."""
    try:
        return token.decode() or None
    except UnicodeDecodeError:
        return None
