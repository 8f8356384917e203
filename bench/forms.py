"""How well samples fulfil the forms they were asked for: python bench/forms.py --run_name run1 --nsamples 100

For each form: how many poems have all its rhymes by `poetics`, and of how many pairs the dictionary alone knows that
they rhyme; how many are in the foot that was asked, by `poetics`, which does not know what was asked; bits of metre a
line; lines of exactly the right number of syllables; words that the lexicon lacks; distinct words among 4,000; the mean
log-probability of a token, beside free samples with the same filters; seconds a poem, and tokens computed for one kept.
"""

import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import fire
import numpy as np

from poetics.forms import form as forms
from poetics.forms.lexicon import verse_lexicon
from poetics.metre import feet, metre_bits, stress
from poetics.rhyme.grades import Grade, grade
from poetics.sounds import dictionary
from poetics.sounds.dictionary import is_vowel
from poetics.sounds.words import last_word, words

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("sonnet", "ballad", "couplets", "limerick", "blank", "haiku", "hiawatha")
MOST_WORDS = 4000


def main(
    names: str = ",".join(NAMES), nsamples: int = 100, batch_size: int = 5, seed: int = 1, *flags: str, **more: str
) -> None:
    """Writes samples in each of these forms with sample.py, to which further flags go, and prints their figures."""
    given = [*flags, *itertools.chain.from_iterable((f"--{name}", str(value)) for name, value in more.items())]
    print(f"{'':10}  rhymed  by CMU  in foot   bits  syllables  unknown  distinct  log-prob.  seconds")
    for name in ("", *names.split(",")) if isinstance(names, str) else ("", *names):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out.jsonl"
            asked = ["--form", name] if name else ["--lines", "14", "--top_k", "0"]
            command = [sys.executable, ROOT / "sample.py", "--nsamples", nsamples, "--seed", seed, "--out", out, *asked]
            command += ["--batch_size", batch_size, *given]
            start = time.monotonic()
            subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=3600)
            samples = [json.loads(line) for line in out.read_text().split("\n") if line]
            print_figures(name, samples, (time.monotonic() - start) / nsamples)


def print_figures(name: str, samples: list[dict], seconds: float) -> None:
    """A line of the table."""
    poems = [[line for line in sample["text"].split("\n") if line.strip()] for sample in samples]
    lines = [line for poem in poems for line in poem]
    told = [word for line in lines for word in words(line)]
    known = set(verse_lexicon().words)
    row = {"bits": np.nanmean(metre_bits.bits(lines)), "unknown": np.mean([word not in known for word in told])}
    row["distinct"] = len(set(told[:MOST_WORDS])) / len(told[:MOST_WORDS])
    row["logprob"] = np.mean([logprob for sample in samples for logprob in sample["logprobs"]])
    if name:
        form = forms.find_form(name)
        whole = [poem for poem in poems if len(poem) == len(form.scheme)]
        pairs = [pair for poem in whole for pair in rhyming(poem, form)]
        row["rhymed"] = np.mean([all(grade(*pair) > Grade.SAME for pair in rhyming(poem, form)) for poem in whole])
        row["cmu"] = np.mean([by_dictionary(*pair) for pair in pairs]) if pairs else np.nan
        row["foot"] = np.mean([feet.metre(poem).foot == form.metres[0].foot for poem in whole])
        row["syllables"] = np.mean([exact(poem, form) for poem in whole])
        assert len(whole) == len(poems), f"{len(poems) - len(whole)} poems of {name} have another number of lines"
    keys = ("rhymed", "cmu", "foot", "bits", "syllables", "unknown", "distinct", "logprob")
    print(f"{name or 'free':10}", *(f"{row.get(key, np.nan):8.3f}" for key in keys), f"{seconds:8.2f}", flush=True)


def rhyming(poem: list[str], form: forms.Form) -> list[tuple[str, str]]:
    """The pairs of last words of neighbours that are to rhyme."""
    found = []
    for letter in sorted(set(form.scheme) - {forms.NO_RHYME}):
        ends = [last_word(line) for line, own in zip(poem, form.scheme, strict=True) if own == letter]
        found += itertools.pairwise(ends)
    return found


def by_dictionary(word: str, other: str) -> bool:
    """Whether two words rhyme by the dictionary alone: the same phones from a stressed vowel on."""
    ends = [{tail(phones) for phones in dictionary.known(each)} for each in (word, other)]
    return bool(ends[0] & ends[1])


def tail(phones: tuple[str, ...]) -> tuple[str, ...]:
    """The phones from the last vowel that has a stress on, without the stresses."""
    stressed = [i for i, phone in enumerate(phones) if phone[-1] in "12"] or [
        i for i, phone in enumerate(phones) if is_vowel(phone)
    ]
    return tuple(phone.rstrip("012") for phone in phones[stressed[-1] :])


def exact(poem: list[str], form: forms.Form) -> float:
    """The share of lines that can be said in a number of syllables that the form allows."""
    return float(
        np.mean(
            [
                any(len(way) + start in metre.ends for way in stress.line_ways(line) for start in metre.starts)
                for line, metre in zip(poem, form.metres, strict=True)
            ]
        )
    )


if __name__ == "__main__":
    fire.Fire(main)
