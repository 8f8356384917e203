import random

from poetics.judging.copies import COPY, Index

STANZA = """Tyger Tyger, burning bright,
In the forests of the night;
What immortal hand or eye,
Could frame thy fearful symmetry?
"""
OTHER = "\n".join(f"line {i} of something else altogether that nobody wrote" for i in range(20)) + "\n"


def index():
    return Index([("Other", OTHER), ("Blake", "Title here\n\n" + STANZA), ("Last", "the last words of all\n")])


def test_a_copied_stanza_is_found_whole_with_its_source_and_line():
    (run,) = index().find(STANZA).runs
    assert (run.n_words, run.source, run.line) == (20, "Blake", 3)
    assert STANZA[run.start : run.end] == STANZA.rstrip("?\n")


def test_case_punctuation_apostrophes_and_line_breaks_make_no_difference():
    text = "He sang: TYGER, tyger -- burning bright in the\n\nforest’s of the night ... what else?"  # noqa: RUF001
    (run,) = index().find(text).runs
    assert (run.n_words, run.source) == (11, "Blake")
    assert text[run.start : run.end] == text[text.index("TYGER") : text.index(" else")]


def test_letters_that_are_not_ascii_keep_places_right():
    text = "Où çà? Éh — tyger tyger burning bright in the é"
    (run,) = index().find(text).runs
    assert text[run.start : run.end] == "tyger tyger burning bright in the"


def test_other_words_have_no_runs_and_short_runs_do_not_count():
    assert index().find("burning bright in the dark of day and forests of the sea").runs == ()
    assert index().find("").runs == index().find("too few words").runs == ()
    assert (index().find("").share(), index().find("").longest) == (0, None)
    assert Index([]).find(STANZA).runs == ()


def test_a_source_can_be_left_out():
    assert index().find(STANZA, without="Blake").runs == ()
    assert index().find("the last words of all", without="Blake").longest.source == "Last"


def test_the_share_counts_words_in_long_runs_once():
    copies = index().find("in the forests of the night what a night of my own and the last words of all")
    assert [run.n_words for run in copies.runs] == [7, 5]
    assert copies.share(COPY) == 0
    assert copies.share(5) == 12 / 18


def slow_runs(text, corpus):
    """The longest run from each word on, by comparing lists of words."""
    words, others = text.split(), corpus.split()
    best = []
    for i in range(len(words)):
        lengths = [0]
        for j in range(len(others)):
            n = 0
            while i + n < len(words) and j + n < len(others) and words[i + n] == others[j + n]:
                n += 1
            lengths.append(n)
        best.append(max(lengths))
    ends = [i + n if n >= 5 else 0 for i, n in enumerate(best)]
    return [(i, n) for i, n in enumerate(best) if n >= 5 and ends[i] > max(ends[:i], default=0)]


def test_runs_are_those_that_a_slow_search_finds():
    rng = random.Random(3)
    corpus = " ".join(rng.choice("abc") for _ in range(3000))
    search = Index([("corpus", corpus)])
    for _ in range(20):
        text = " ".join(rng.choice("abc") for _ in range(40))
        assert [(run.first, run.n_words) for run in search.find(text).runs] == slow_runs(text, corpus)


def test_a_text_in_parts_is_one_text(monkeypatch):
    monkeypatch.setattr("poetics.judging.copies.AT_ONCE", 40)
    (run,) = index().find(STANZA).runs
    assert (run.n_words, run.line) == (20, 3)
