from poetics.metre import stress


def test_a_syllable_is_strong_weak_beside_a_stress_or_free():
    assert stress.word_ways("beauty")[0] == "Sw"
    assert stress.word_ways("delight")[0] == "wS"
    assert stress.word_ways("majesty")[0] == "Swp"


def test_words_of_one_syllable_weigh_what_verse_makes_of_them():
    assert int(stress.weight("the")) < int(stress.weight("from")) < int(stress.weight("heart"))


def test_syllables_are_counted_as_verse_says_them():
    lines = {"Shall I compare thee to a summer's day?": 10, "Tiger, tiger, burning bright": 7, "": 0, "* * *": 0}
    assert {line: stress.count_syllables(line) for line in lines} == lines


def test_two_syllables_may_be_one_where_verse_elides():
    assert {len(way) for way in stress.word_ways("victorious")} == {3, 4}
    assert {len(way) for way in stress.word_ways("heaven")} == {1, 2}


def test_a_line_has_every_way_to_say_its_words_and_the_likeliest_first():
    ways = stress.line_ways("the heaven")
    assert ways[0] == stress.word_ways("the")[0] + stress.word_ways("heaven")[0]
    assert len(ways) == len(set(ways)) <= stress.MOST_WAYS
    assert len(stress.line_ways("heaven " * 20)) == stress.MOST_WAYS
