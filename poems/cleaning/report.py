"""The report on a corpus: a page to read, in one file that needs nothing else, and the same as JSON."""

import dataclasses
import html
import json
import math
import os
from collections.abc import Collection, Mapping

from poems.cleaning.counts import VERBS, Counts
from poems.cleaning.rules import RULES, WHOLE
from system import files
from system.errors import UserError

WIDTH = 480  # pixels of the longest bar
NO_POEM = "left out while the file was read, since it is no verse"
N_BARS = 24  # of a histogram, at most

STYLE = """
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 Georgia, serif; color: #222; }
h1, h2, h3 { font-weight: normal; line-height: 1.2; margin: 2.5rem 0 .5rem; }
table { border-collapse: collapse; margin: .5rem 0 1rem; }
td, th { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top; font-weight: normal; }
th { border-bottom: 1px solid #999; color: #666; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { margin: 0; padding: .3rem .6rem; font: .85rem/1.4 monospace; white-space: pre-wrap; background: #f4f1ea; }
pre.gone { background: #f7e4e0; }
pre.came { background: #e4efe0; }
p.place, .none { color: #666; margin: .6rem 0 .2rem; }
details { margin: .3rem 0; }
summary { cursor: pointer; }
svg text { font: 12px Georgia, serif; fill: #444; }
svg rect { fill: #7a6a4f; }
"""

Facts = Mapping[str, object]  # a number, a text, or a list of texts, by its name


@dataclasses.dataclass(frozen=True)
class Report:
    """What there is to say of a corpus.

    Attributes:
      title: of the page.
      sources: what was done to each source, by its name.
      summary: a sentence at the beginning.
      facts: what else there is to say, by name: a number, a text, or a list of texts.
      rules: the names of the rules that were on; None if nobody knows.
      shown: a poem as the model sees it, by the name of the layout.
      folders: the sources' folders, which the page leaves out of the names of files, so that it can be passed on.
    """

    title: str
    sources: Mapping[str, Counts]
    summary: str = ""
    facts: Facts = dataclasses.field(default_factory=dict)
    rules: Collection[str] | None = None
    shown: Mapping[str, str] = dataclasses.field(default_factory=dict)
    folders: Collection[str] = ()


def write_report(path: str, report: Report) -> None:
    """Writes the page to a path that ends in .html, and the JSON beside it.

    Raises:
      ValueError: the path does not end in .html.
    """
    beside = numbers_path(path)
    content = json.dumps(as_dict(report), ensure_ascii=False, indent=1)
    files.write_file(path, page(report).encode(errors="replace"))
    files.write_file(beside, f"{content}\n".encode(errors="replace"))


def numbers_path(path: str) -> str:
    """Where the numbers of a report are: corpus.report.json for corpus.html, since corpus.json is a dataset's.

    Raises:
      ValueError: the path does not end in .html.
    """
    stem, extension = os.path.splitext(path)
    if extension.lower() not in (".html", ".htm"):
        raise UserError(f"--report {path}: expected a name that ends in .html")
    return f"{stem}.report.json"


def as_dict(report: Report) -> dict:
    """What the report says, as JSON can hold it."""
    return {
        "title": report.title,
        "summary": report.summary,
        "facts": dict(report.facts),
        "sources": [{"name": name, **counts.as_dict()} for name, counts in report.sources.items()],
    }


def page(report: Report) -> str:
    """The report as a page of HTML."""
    title, sources, total = report.title, report.sources, Counts()
    for counts in sources.values():
        total.add(counts)
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{html.escape(report.summary)}</p>" if report.summary else "",
        _facts(report.facts),
        "<h2>Sources</h2>",
        _sources(sources),
        *(("<h2>A poem as the model sees it</h2>", _shown(report.shown)) if report.shown else ()),
        "<h2>What was done</h2>",
        _rules(sources, report.rules),
        "<h2>Lengths of what was kept</h2>",
        _histogram("Lines of a poem", total.poem_lengths),
        _histogram("Characters of a line", total.line_lengths),
        "<h2>Examples</h2>",
        *(_examples(name, counts) for name, counts in sources.items()),
    ]
    body = "\n".join(parts)
    for folder in sorted(report.folders, key=len, reverse=True):
        body = body.replace(html.escape(os.path.join(folder, "")), "")
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>{STYLE}</style>\n' + f"{body}\n</html>\n"
    )


def bins(lengths: Mapping[int, int]) -> list[tuple[int, int, int]]:
    """A histogram in few bars: the least and the greatest length of each bar, and how many have one of them.

    The bars are of one width as long as the longest is at most four times what nine in ten do not exceed; else the
    last bar holds all that are longer.
    """
    if not lengths:
        return []
    least, longest, most = min(lengths), max(lengths), _quantile(lengths, 0.9)
    end = longest if longest <= 4 * most else 2 * most
    width = max(1, math.ceil((end + 1 - least) / N_BARS))
    starts = list(range(least, end + 1, width))
    last = [max(longest, starts[-1] + width - 1) if end < longest else starts[-1] + width - 1]
    ends = [start - 1 for start in starts[1:]] + last
    found = [0] * len(starts)
    for length, number in lengths.items():
        found[min((length - least) // width, len(starts) - 1)] += number
    return list(zip(starts, ends, found, strict=True))


def _quantile(lengths: Mapping[int, int], share: float) -> int:
    left = share * sum(lengths.values())
    for length in sorted(lengths):
        left -= lengths[length]
        if left <= 0:
            break
    return length


def _facts(facts: Facts) -> str:
    rows = []
    for name, fact in facts.items():
        texts = fact if isinstance(fact, list | tuple) else [fact]
        rows.append([name, "<br>".join(html.escape(_said(text)) for text in texts)])
    return _table(None, [[html.escape(str(name)), fact] for name, fact in rows]) if rows else ""


def _sources(sources: Mapping[str, Counts]) -> str:
    heading = ["source", "poems read", "lines", "characters", "poems kept", "lines", "characters"]
    rows = [
        [
            html.escape(name),
            *map(_said, (counts.n_poems, counts.n_lines, counts.n_characters)),
            *(_said(counts.kept[what]) for what in ("poems", "lines", "characters")),
        ]
        for name, counts in sources.items()
    ]
    return _table(heading, rows)


def _shown(shown: Mapping[str, str]) -> str:
    """A poem in each layout; the first is that of the dataset."""
    words = {name: f"layout {name}" + (", that of this dataset" if not i else "") for i, name in enumerate(shown)}
    return "".join(
        f'<p class="place">{html.escape(words[name])}</p>\n<pre>{html.escape(text)}</pre>\n'
        for name, text in shown.items()
    )


def _rules(sources: Mapping[str, Counts], on: Collection[str] | None) -> str:
    """A row for each thing that was done in a source, in the order of the rules; then the rules that did nothing."""
    told = {rule.name: rule.what for rule in RULES}
    done = [key for counts in sources.values() for key in counts.poems]
    names = [*told, *(rule for rule, _ in dict.fromkeys(done) if rule not in told)]
    rows = []
    for rule in dict.fromkeys(names):
        name = [html.escape(rule), html.escape(told.get(rule, NO_POEM))]
        for source, counts in sources.items():
            for verb in VERBS:
                if number := counts.poems[rule, verb]:
                    did = f"{verb} whole" if rule in WHOLE else verb
                    rows.append([*name, html.escape(source), did, _said(counts.lines[rule, verb]), _said(number)])
                    name = ["", ""]  # once is enough
    idle = [rule for rule in told if rule not in {rule for rule, _ in done}]
    states = {rule: "" if on is None else "found nothing" if rule in on else f"off; --on {rule}" for rule in idle}
    others = _table(["rule", "", ""], [[rule, html.escape(told[rule]), states[rule]] for rule in idle])
    nothing = f"<details><summary>Rules that did nothing: {', '.join(idle)}</summary>{others}</details>"
    heading = ["rule", "what it does", "source", "what it did", "lines", "in how many poems"]
    return _table(heading, rows) + (nothing if idle else "")


def _examples(source: str, counts: Counts) -> str:
    """For each rule, the first few lines and passages; behind a line to click at, since there may be many."""
    parts = [f"<h3>{html.escape(source)}</h3>"]
    for (rule, verb), examples in counts.examples.items():
        shown = []
        for example in examples:
            shown.append(f'<p class="place">{html.escape(example.place)}</p>')
            shown.append(f'<pre class="{"kept" if verb == "flagged" else "gone"}">{html.escape(example.before)}</pre>')
            if example.after:
                shown.append(f'<pre class="came">{html.escape(example.after)}</pre>')
        summary = f"{html.escape(rule)}: {verb} in {_said(counts.poems[rule, verb])}"
        parts.append(f"<details><summary>{summary}</summary>{''.join(shown)}</details>")
    return "\n".join(parts if len(parts) > 1 else [*parts, '<p class="none">Nothing was done.</p>'])


def _histogram(title: str, lengths: Mapping[int, int]) -> str:
    bars = bins(lengths)
    if not bars:
        return ""
    most = max(number for _, _, number in bars)
    drawn = []
    for i, (start, end, number) in enumerate(bars):
        y, long = 18 * i, WIDTH * number / most
        label = str(start) if start == end else f"{start}-{end}"
        drawn.append(f'<text x="80" y="{y + 12}" text-anchor="end">{label}</text>')
        drawn.append(f'<rect x="88" y="{y + 2}" width="{long:.1f}" height="13"></rect>')
        drawn.append(f'<text x="{92 + long:.1f}" y="{y + 12}">{number:,}</text>')
    size = f'width="{WIDTH + 180}" height="{18 * len(bars)}"'
    name = html.escape(title)
    return f'<h3>{name}</h3>\n<svg {size} role="img" aria-label="{name}">{"".join(drawn)}</svg>'


def _table(heading: list[str] | None, rows: list[list[str]]) -> str:
    """A table of cells that are HTML already; those that are numbers stand to the right."""

    def cell(text: str, tag: str, is_number: bool) -> str:
        return f"<{tag}{' class=number' if is_number else ''}>{text}</{tag}>"

    numbers = [column for column, text in enumerate(rows[0]) if text.replace(",", "").isdecimal()] if rows else []
    lines = [(row, "td") for row in rows]
    if heading:
        lines.insert(0, (heading, "th"))
    body = (
        "<tr>" + "".join(cell(text, tag, column in numbers) for column, text in enumerate(row)) + "</tr>"
        for row, tag in lines
    )
    return "<table>\n" + "\n".join(body) + "\n</table>"


def _said(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
