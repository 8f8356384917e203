import random

from poetics.rhyme import schemes
from poetics.rhyme.grades import Grade


def split(words: str) -> list[str]:
    return words.split()


SONNET_18 = split("day temperate may date shines dimm'd declines untrimm'd fade ow'st shade grow'st see thee")
UNRHYMED = split("stone river candle mountain paper window garden silver morning bottle")


def test_a_sonnet_has_the_scheme_and_the_name_of_one():
    assert schemes.letters(schemes.scheme(SONNET_18)) == "ababcdcdefefgg"
    assert schemes.form(SONNET_18) == "sonnet"


def test_lines_without_rhymes_have_no_form_and_no_letters():
    assert schemes.letters(schemes.scheme(UNRHYMED)) == "x" * len(UNRHYMED)
    assert schemes.form(UNRHYMED) == ""
    assert schemes.scheme([]) == ()


def test_a_scheme_that_poets_use_holds_where_one_of_its_rhymes_fails():
    assert schemes.scheme(["night", "rose", "light", "close", "day", "stone", "way", "gone"]) == (
        0,
        1,
        0,
        1,
        2,
        3,
        2,
        3,
    )


def test_a_form_is_found_from_any_line_on_and_past_a_missing_line():
    couplets = split("way day night light see thee rose close fire desire stone alone hill still word heard")
    assert schemes.form(couplets) == schemes.form(couplets[1:]) == "couplets"
    assert schemes.form(couplets[:7] + couplets[8:]) == "couplets"
    assert schemes.form(split("beard feared hen wren beard wall small flew new all")) == "limerick"


def test_the_rhyme_rate_counts_lines_that_rhyme_near_by():
    assert schemes.rhyme_rate(["day", "stone", "way", "window"]) == 0.5
    assert schemes.rhyme_rate(["day", "one", "two", "three", "four", "way"]) == 0
    assert schemes.rhyme_rate(["day", "day"]) == 0
    assert schemes.rhyme_rate([]) == 0
    assert schemes.rhyme_rate(["love", "prove"], least=Grade.PERFECT) == 0


def test_a_poor_vocabulary_has_rhymes_but_no_lift():
    rng = random.Random(0)
    poor = [rng.choice(["day", "way", "may", "night", "light", "rose"]) for _ in range(2000)]
    assert schemes.rhyme_rate(poor) > 0.6
    assert abs(schemes.rhyme_lift(poor)) < 0.1
    couplets = split("day way night light rose close see me stone bone") * 40
    assert schemes.rhyme_lift(couplets) > 0.95
