import html.parser
import json
import re

import pytest

from poems.cleaning import report
from poems.cleaning.counts import Counts, Example
from poems.cleaning.report import Report
from poems.cleaning.rules import RULES, choose_rules, clean_all
from poems.poem import Poem

NASTY = '<script>alert("&")</script>'


@pytest.fixture
def sources():
    counts = Counts()
    poems = [Poem(f"“{NASTY}” \nTwo\n", place=NASTY), Poem("* * *\n", place="a.txt:7")]
    list(clean_all(poems, choose_rules("poem"), counts))
    return {f"{NASTY}.txt": counts, "b.txt": Counts()}


def page(sources, **about):
    return report.page(Report("Poems", sources, **about))


class Reader(html.parser.HTMLParser):
    """Knows the tags of a page and whether they are closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], set(), ""

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def reader(sources):
    reader = Reader()
    reader.feed(page(sources, facts={"layout": "poem", NASTY: [NASTY, 1234]}))
    return reader


def test_the_page_is_closed_in_order(reader):
    assert reader.open == []


def test_the_page_needs_no_script_and_nothing_from_elsewhere(reader, sources):
    assert not reader.tags & {"script", "link", "img", "iframe"}
    assert not re.search(r"url\(|@import|https?:", page(sources))


def test_whatever_a_poem_holds_is_shown_and_never_part_of_the_page(reader):
    assert reader.text.count(NASTY) >= 5  # the fact, its name, the source, the place, the lines


def test_the_page_counts_what_each_rule_did(reader):
    assert "straightens quotes and apostrophes" in reader.text
    assert "empty: dropped in 1" in reader.text
    assert re.search(r"drops what has no letters\s*.*\.txtdropped whole11", reader.text)
    assert "Rules that did nothing: licence, unicode" in reader.text


def test_what_others_than_the_rules_dropped_is_told_too():
    counts = Counts()
    counts.note("contents", "dropped", 3, [Example("a.txt:1", "I. Ode")])
    assert "contents: dropped in 1" in page({"a.txt": counts})


def test_the_json_beside_the_page_says_the_same(tmp_path, sources):
    report.write_report(str(tmp_path / "poems.html"), Report("Poems", sources, facts={"layout": "poem"}))
    found = json.loads((tmp_path / "poems.report.json").read_text("utf-8"))
    assert found["facts"] == {"layout": "poem"}
    assert [source["name"] for source in found["sources"]] == list(sources)
    assert found["sources"][0]["read"] == {"poems": 2, "lines": 3, "characters": len(NASTY) + 14}
    assert found["sources"][0]["rules"][0]["rule"] == "quotes"
    assert (tmp_path / "poems.html").read_text("utf-8").startswith("<!doctype html>")


def test_a_report_of_another_name_is_an_error_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"--report .*poems\.txt: expected a name that ends in \.html"):
        report.write_report(str(tmp_path / "poems.txt"), Report("Poems", {}))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "lengths", [{4: 1}, {4: 3, 14: 10}, dict.fromkeys(range(1, 200), 2), {14: 99, 300_000: 1}, {0: 1, 1: 1}]
)
def test_the_bars_of_a_histogram_hold_every_length_once(lengths):
    bars = report.bins(lengths)
    for start, end, number in bars:
        assert number == sum(lengths.get(length, 0) for length in range(start, end + 1))
    assert sum(number for _, _, number in bars) == sum(lengths.values())
    assert 0 < len(bars) <= report.N_BARS


def test_a_few_very_long_poems_do_not_flatten_the_histogram():
    bars = report.bins({**dict.fromkeys(range(4, 44), 10), 30_000: 1})
    assert len([number for _, _, number in bars if number]) > 10
    assert bars[-1][1] == 30_000


def test_without_poems_there_is_no_histogram():
    assert report.bins({}) == []
    assert "svg " not in page({}).split("</style>")[1]


def test_the_page_begins_with_how_much_there_is(sources):
    text = page(sources, summary="You have 2 poems by 1 author, 3 lines.").split("</h1>")[1]
    assert text.strip().startswith("<p>You have 2 poems by 1 author, 3 lines.</p>")


def test_each_rule_is_explained_and_whether_it_is_on(sources):
    text = re.sub("<[^>]*>", " ", page(sources, rules={"quotes", "licence"}))
    for rule in RULES:
        assert rule.what.replace("'", "&#x27;") in text
    assert re.search(r"licence +cuts the headers .* +found nothing", text)
    assert re.search(r"foreign +flags passages .* +off; --on foreign", text)


def test_what_was_left_out_as_no_verse_is_explained():
    counts = Counts()
    counts.note("not a poem: contents", "dropped", 3, [])
    assert report.NO_POEM in page({"a.txt": counts})


def test_a_poem_is_shown_as_the_model_sees_it(sources):
    text = page(sources, shown={"poem": '"Song", by <Anna>\none\n', "plain": "one\n"})
    assert "layout poem, that of this dataset" in text
    assert "&quot;Song&quot;, by &lt;Anna&gt;\none\n" in text


def test_the_page_has_no_path_of_the_folder_above_the_sources(sources):
    counts = Counts()
    counts.note("notes", "dropped", 3, [Example("/home/anna/verse/a.txt:1", "I. Ode")])
    text = page({"1. /home/anna/verse": counts}, facts={"x": ["/home/anna/verse/b.c"]}, folders={"/home/anna"})
    assert "/home/anna" not in text
    assert ">verse/a.txt:1<" in text
    assert ">verse/b.c<" in text


def test_a_poem_that_is_taken_back_is_in_no_histogram():
    counts = Counts()
    for text in ("one\ntwo\n", "three\n\nfour\n", "five\n"):
        counts.keep(text)
    counts.take_back("duplicates", [5, 4], 12, [])
    assert counts.poem_lengths == {2: 1, 1: 1}
    assert counts.line_lengths == {3: 2, 4: 1}
    assert counts.kept == {"poems": 2, "lines": 3, "characters": 13}
