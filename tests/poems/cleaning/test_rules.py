import re

import pytest
from conftest import ROOT

from poems.cleaning.counts import Counts, Example
from poems.cleaning.rules import RULES, choose_rules, clean, clean_all
from poems.poem import Poem

VERSE = """\
I wander'd lonely as a cloud
That floats on high o'er vales and hills,
When all at once I saw a crowd,
A host, of golden daffodils;
Beside the lake, beneath the trees,
Fluttering and dancing in the breeze.
"""
PROSE = """\
The principal object, then, which I proposed to myself in these
poems was to make the incidents of common life interesting by
tracing in them, truly though not ostentatiously, the primary
laws of our nature: chiefly as far as regards the manner in
which we associate ideas in a state of excitement. Low and
rustic life was generally chosen because in that situation
"""
FRENCH = "Mignonne, allons voir si la rose\nQui ce matin avoit desclose\nSa robe de pourpre au Soleil,\nA point perdu\n"


@pytest.fixture
def counts():
    return Counts()


def text_of(text, rules, counts, **fields):
    cleaned = clean(Poem(text, place="a.txt:1", **fields), rules, counts)
    return cleaned and cleaned.text


def test_rules_have_names_of_their_own():
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_in_plain_no_letter_or_sign_of_a_poem_is_changed(counts):
    text = "“Où Ã©tait—il?” [12]\n    * * *\n\t_one_—two…   45 \n\n\n``ﬂow''"
    assert text_of(text, choose_rules("plain"), counts).split() == text.split()


def test_a_rule_can_be_switched_on_and_off():
    rules = choose_rules("plain", on=["quotes"], off=["spaces"])
    assert set(rules) == {*choose_rules("plain"), "quotes"} - {"spaces"}


def test_rules_are_applied_in_the_order_of_the_table_however_they_are_named(counts):
    assert choose_rules("poem", on=reversed([rule.name for rule in RULES])) == tuple(rule.name for rule in RULES)
    # Were the blanks tidied before the number goes, some would be left.
    assert text_of("One          10\nTwo\n", ["spaces", "furniture"], counts) == "One\nTwo\n"


@pytest.mark.parametrize("switches", [{"on": ["qoutes"]}, {"off": ["qoutes"]}])
def test_a_misspelt_rule_is_an_error_that_names_them_all(switches):
    with pytest.raises(ValueError, match="qoutes: no such cleaning rule, expected some of licence, unicode, quotes"):
        choose_rules("poem", **switches)


def test_a_rule_cannot_be_switched_both_ways():
    with pytest.raises(ValueError, match="quotes: switched on and off"):
        choose_rules("poem", on=["quotes"], off=["quotes"])


def test_without_rules_nothing_is_changed(counts):
    poem = Poem("  “a” \n\n\n", title="“T”")
    assert clean(poem, (), counts) == poem
    assert not counts.poems


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("unicode", "dÃ©jÃ\xa0 vu", "déjà vu"),
        ("quotes", "“Hush!”", '"Hush!"'),
        ("dashes", "the Moth—", "the Moth--"),
        ("emphasis", "_I_ took it", "I took it"),
        ("furniture", "still. [12]", "still."),
        ("spaces", "still. ", "still."),
        ("indentation", "      still.", "  still."),
    ],
)
def test_a_change_is_counted_with_the_line_before_and_after(counts, rule, before, after):
    assert text_of(f"One\n{before}\nTwo\n", [rule], counts) == f"One\n{after}\nTwo\n"
    assert counts.poems == {(rule, "changed"): 1}
    assert counts.lines == {(rule, "changed"): 1}
    assert counts.examples == {(rule, "changed"): [Example("a.txt:1", before, after)]}


def test_a_cut_licence_is_counted_as_dropped_and_shown(counts):
    end = "*** END OF THE PROJECT GUTENBERG EBOOK POEMS ***\nUpdated editions\n"
    assert text_of(VERSE + end, ["licence"], counts) == VERSE
    assert counts.lines == {("licence", "dropped"): 2}
    assert counts.examples["licence", "dropped"] == [Example("a.txt:1", end)]


@pytest.mark.parametrize(("name", "passage", "n_lines"), [("prose", PROSE, 6), ("foreign", FRENCH * 2, 8)])
def test_what_is_flagged_is_counted_and_kept(counts, name, passage, n_lines):
    text = f"{VERSE}\n{VERSE}\n{passage}"
    assert text_of(text, [name], counts) == text
    assert counts.lines == {(name, "flagged"): n_lines}
    assert counts.examples[name, "flagged"][0].before[:150] == passage[:150]


@pytest.mark.parametrize(("name", "passage", "n_lines"), [("prose", PROSE, 6), ("foreign", FRENCH * 2, 8)])
def test_what_is_flagged_can_be_dropped(counts, name, passage, n_lines):
    assert text_of(f"{VERSE}\n{VERSE}\n{passage}\n{VERSE}", [f"drop_{name}"], counts) == f"{VERSE}\n{VERSE}\n{VERSE}"
    assert counts.lines == {(f"drop_{name}", "dropped"): n_lines}


def test_a_poem_in_prose_that_is_a_row_of_a_table_is_flagged_and_kept(counts):
    assert text_of(PROSE, ["prose", "drop_prose"], counts, is_row=True) == PROSE
    assert counts.lines == {("prose", "flagged"): 6}
    assert text_of(FRENCH * 2, ["drop_foreign"], counts, is_row=True) is None


def test_a_poem_that_loses_more_than_half_its_lines_is_dropped_whole(counts):
    assert text_of(f"{FRENCH * 3}\n{VERSE}", ["drop_foreign"], counts) is None
    assert counts.lines == {("drop_foreign", "dropped"): 18}
    assert counts.kept["poems"] == 0


def test_a_poem_without_letters_is_dropped_and_counted(counts):
    assert text_of("* * *\n1 2 3\n", ["empty"], counts) is None
    assert counts.poems == {("empty", "dropped"): 1}


def test_titles_and_authors_are_mended_as_the_poem_is_and_counted(counts):
    poem = Poem(VERSE, title="“Hush—”", author="BrontÃ«")
    cleaned = clean(poem, choose_rules("poem"), counts)
    assert cleaned is not None
    assert (cleaned.title, cleaned.author) == ('"Hush--"', "Brontë")
    assert counts.poems == {("unicode", "retitled"): 1, ("quotes", "retitled"): 1, ("dashes", "retitled"): 1}


def test_all_else_about_a_poem_is_kept(counts):
    poem = Poem(VERSE, "T", "A", ("Love",), "7", "a.txt:1", True)
    assert clean(poem, choose_rules("poem"), counts) == poem


def test_an_empty_line_between_the_parts_of_a_poem_is_kept(counts):
    parts = [Poem("One \n\n\n", more=True), Poem("Two\n")]
    assert "".join(part.text for part in clean_all(parts, ["spaces"], counts)) == "One\n\nTwo\n"


def test_a_poem_in_parts_keeps_its_last_part_though_nothing_is_left_of_it(counts):
    parts = [Poem(VERSE, more=True), Poem(FRENCH), Poem(FRENCH), Poem(VERSE)]
    cleaned = list(clean_all(parts, ["drop_foreign"], counts))
    assert [(part.text, part.more) for part in cleaned] == [(VERSE, True), ("", False), (VERSE, False)]
    assert (counts.n_poems, counts.kept["poems"]) == (3, 2)


def test_what_was_read_and_kept_is_counted(counts):
    text_of(f"{VERSE}\n\n{VERSE}", choose_rules("poem"), counts)
    assert (counts.n_poems, counts.n_lines, counts.n_characters) == (1, 12, 2 * len(VERSE) + 2)
    assert counts.kept == {"poems": 1, "lines": 12, "characters": 2 * len(VERSE) + 1}


def test_the_length_of_a_poem_in_parts_is_that_of_all_its_lines(counts):
    list(clean_all([Poem("One\n", more=True), Poem("Two\n\nThree\n"), Poem("Four\n")], (), counts))
    assert counts.poem_lengths == {3: 1, 1: 1}
    assert counts.line_lengths == {3: 2, 5: 1, 4: 1}


def test_a_poem_in_parts_is_counted_once_by_each_rule(counts):
    parts = [Poem("“One”\n", title="“T”", more=True), Poem("“Two”\n", title="“T”"), Poem("“Three”\n")]
    list(clean_all(parts, ["quotes"], counts))
    assert counts.poems == {("quotes", "changed"): 2, ("quotes", "retitled"): 1}
    assert counts.lines == {("quotes", "changed"): 3, ("quotes", "retitled"): 0}


def test_only_a_few_examples_are_held_and_none_is_long(counts):
    for _ in range(20):
        text_of(f"“{'a ' * 500}\n", ["quotes"], counts)
    examples = counts.examples["quotes", "changed"]
    assert len(examples) == 5
    assert max(len(example.before) for example in examples) < 310


def test_accounts_of_parts_of_a_source_add_up_to_that_of_the_whole(counts):
    poems = [Poem(f"“{word}” \n" * n, place=word) for n, word in enumerate(["one", "two", "three"], start=1)]
    halves = [Counts(), Counts()]
    list(clean_all(poems, choose_rules("poem"), counts))
    list(clean_all(poems[:2], choose_rules("poem"), halves[0]))
    list(clean_all(poems[2:], choose_rules("poem"), halves[1]))
    halves[0].add(halves[1])
    assert halves[0].as_dict() == counts.as_dict()


def test_the_rules_are_explained_in_a_few_words():
    for rule in RULES:
        assert re.fullmatch(r"[a-z].*[^.]|.*\.\.\.", rule.what)


def test_the_documentation_has_each_rule_and_its_defaults():
    page = (ROOT / "docs" / "corpus.md").read_text()
    told = re.findall(r"^\| `(\w+)` \| .* \| (on|off) \| (on|off) \| (on|off) \|$", page, re.M)
    switched = [["on" if name in rule.layouts else "off" for name in ("plain", "prefix", "poem")] for rule in RULES]
    assert told == [(rule.name, *flags) for rule, flags in zip(RULES, switched, strict=True)]
