"""A page to read on texts and their figures, in one file that needs nothing else: rhymes coloured, beats marked."""

import dataclasses
import html
import itertools
from collections.abc import Mapping, Sequence

from poetics.judging.copies import COPY, Copies
from poetics.judging.figures import Figures
from poetics.judging.labels import LABELS, labels_of
from poetics.judging.verse_files import Text
from poetics.metre import feet
from poetics.rhyme import schemes
from poetics.sounds.words import last_words

SHOWN = 40  # texts of each set, at most
WIDTH = 260  # pixels of the longest bar
BARS = {"lift": 1.0, "bits": 7.0, "regular": 1.0, "known": 1.0, "distinct_1": 0.5, "told_apart": 1.0}  # and their ends
COLOURS = ("#c0392b", "#2471a3", "#1e8449", "#b7950b", "#7d3c98", "#ca6f1e", "#117a65", "#5d6d7e")

STYLE = """
body { max-width: 64rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 Georgia, serif; color: #222; }
h1, h2, h3 { font-weight: normal; line-height: 1.2; margin: 2.5rem 0 .5rem; }
table { border-collapse: collapse; margin: .5rem 0 1rem; }
td, th { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top; font-weight: normal; }
th { border-bottom: 1px solid #999; color: #666; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.poem { margin: 1.5rem 0; }
.line { white-space: pre-wrap; }
.line i { color: #888; font-style: normal; font: .75rem monospace; margin-left: 1rem; }
.poem p { color: #666; margin: .2rem 0; }
b { font-weight: bold; }
u { text-decoration: underline wavy #c0392b; }
svg text { font: 12px Georgia, serif; fill: #444; }
svg rect { fill: #7a6a4f; }
"""


@dataclasses.dataclass(frozen=True)
class Side:
    """A set of texts with its figures, and what each text has in common with the corpus, where there is one."""

    figures: Figures
    texts: Sequence[Text]
    copies: Sequence[Copies] = ()


def page(title: str, sides: Mapping[str, Side]) -> str:
    """The whole page: figures as a table and as bars, then the texts themselves."""
    parts = [f"<h1>{html.escape(title)}</h1>", table({name: side.figures for name, side in sides.items()})]
    parts += [bars(key, {name: side.figures for name, side in sides.items()}) for key in BARS]
    for name, side in sides.items():
        parts.append(f"<h2>{html.escape(name)}</h2><p>{_named(side.figures)}</p>")
        parts += [poem(*both) for both in itertools.zip_longest(side.texts[:SHOWN], side.copies[:SHOWN])]
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def table(figures: Mapping[str, Figures]) -> str:
    """The figures, a column a set."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in figures)
    rows = [
        f"<tr><td>{html.escape(label)}</td>"
        + "".join(f'<td class="number">{shown(getattr(column, key))}</td>' for column in figures.values())
        + "</tr>"
        for key, label in labels_of(Figures).items()
        if any(getattr(column, key) is not None for column in figures.values())
    ]
    return f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table>"


def shown(figure: float | int | None) -> str:
    """A figure as it is printed."""
    if figure is None:
        return ""
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:.3f}"


def bars(key: str, figures: Mapping[str, Figures]) -> str:
    """One figure of each set as bars."""
    found = {name: getattr(column, key) for name, column in figures.items() if getattr(column, key) is not None}
    if not found:
        return ""
    rows = [
        f'<text x="0" y="{18 * i + 13}">{html.escape(name)}</text>'
        f'<rect x="200" y="{18 * i + 3}" width="{WIDTH * min(max(value / BARS[key], 0), 1):.0f}" height="12"/>'
        f'<text x="{205 + WIDTH * min(max(value / BARS[key], 0), 1):.0f}" y="{18 * i + 13}">{shown(value)}</text>'
        for i, (name, value) in enumerate(found.items())
    ]
    size = f'width="{WIDTH + 260}" height="{18 * len(found) + 4}"'
    return f"<h3>{html.escape(LABELS[key])}</h3><svg {size}>{''.join(rows)}</svg>"


def poem(text: Text, copies: Copies | None = None) -> str:
    """A text with the last words that rhyme in one colour, its beats over it, and copied words underlined."""
    ends = last_words(list(text))
    letters = schemes.letters(schemes.by_nearest(ends))
    readings = feet.metre(text).readings
    copied = _copied_spans(text, copies)
    rows = []
    for line, letter, reading, spans in zip(text, letters, readings, copied, strict=True):
        beats = reading.stresses.replace("w", "·").replace("s", "′")  # noqa: RUF001
        rows.append(f'<div class="line">{_line(line, letter, spans)}<i>{letter} {beats}</i></div>')
    sources = "".join(
        f"<p>{run.n_words} words from {html.escape(run.source)}, line {run.line}</p>"
        for run in (copies.runs if copies else ())
        if run.n_words >= COPY
    )
    return f'<div class="poem">{"".join(rows)}{sources}</div>'


def _line(line: str, letter: str, spans: Sequence[tuple[int, int]]) -> str:
    """A line with its last word coloured by its letter, and spans of it underlined."""
    last = max(line.rfind(" "), line.rfind("—")) + 1
    marks = sorted({0, last, len(line), *(place for span in spans for place in span)})
    parts = []
    for start, end in itertools.pairwise(marks):
        part = html.escape(line[start:end])
        if any(first <= start and end <= stop for first, stop in spans):
            part = f"<u>{part}</u>"
        if start >= last and letter != "x":
            colour = COLOURS[(ord(letter) - ord("a")) % len(COLOURS)]
            part = f'<b style="color: {colour}">{part}</b>'
        parts.append(part)
    return "".join(parts)


def _copied_spans(text: Text, copies: Copies | None) -> list[list[tuple[int, int]]]:
    """For each line the spans of it, in characters, that are in long runs of the corpus."""
    spans: list[list[tuple[int, int]]] = []
    at = 0
    runs = [run for run in copies.runs if run.n_words >= COPY] if copies else []
    for line in text:
        inside = [(max(run.start - at, 0), min(run.end - at, len(line))) for run in runs]
        spans.append([(start, end) for start, end in inside if start < end])
        at += len(line) + 1
    return spans


def _named(figures: Figures) -> str:
    """The feet and forms of a set, in words."""
    feet = ", ".join(f"{foot} {share:.0%}" for foot, share in figures.feet.items()) or "none"
    forms = ", ".join(f"{form} {share:.0%}" for form, share in figures.forms.items()) or "none"
    return f"Feet: {feet}. Forms of rhyme: {forms}."
