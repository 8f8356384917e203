import numpy as np
import pytest

from poems.cleaning import detection

VERSE = """\
I wander'd lonely as a cloud
That floats on high o'er vales and hills,
When all at once I saw a crowd,
A host, of golden daffodils;
Beside the lake, beneath the trees,
Fluttering and dancing in the breeze.
"""
# Wordsworth, of the Principle of Poetry; from the Preface to Lyrical Ballads, 1800
PROSE = """\
The principal object, then, which I proposed to myself in these
Poems was to make the incidents of common life interesting by
tracing in them, truly though not ostentatiously, the primary
laws of our nature: chiefly as far as regards the manner in
which we associate ideas in a state of excitement. Low and
rustic life was generally chosen because in that situation the
essential passions of the heart find a better soil in which they
can attain their maturity, are less under restraint, and speak a
plainer and more emphatic language.
"""
# Whitman, Leaves of Grass, as broad as the page
LONG = """\
I celebrate myself, and sing myself,
And what I assume you shall assume,
For every atom belonging to me as good belongs to you.
I loafe and invite my soul,
I lean and loafe at my ease observing a spear of summer grass.
My tongue, every atom of my blood, form'd from this soil, this air,
"""
SMALL = """\
so the night comes down
over the hills and the wet roofs
and nobody says a word about it
until the last of the light
goes out
and then
everybody begins to sing
"""
OTHERS = {
    "French": "Mignonne, allons voir si la rose\nQui ce matin avoit desclose\nSa robe de pourpre au Soleil,\nA point",
    "German": "Wer reitet so spät durch Nacht und Wind?\nEs ist der Vater mit seinem Kind;\nEr hat den Knaben wohl",
    "Latin": "Odi et amo. quare id faciam, fortasse requiris?\nnescio, sed fieri sentio et excrucior.",
    "Italian": "Nel mezzo del cammin di nostra vita\nmi ritrovai per una selva oscura,\nché la via era smarrita.",
    "Spanish": "Que es mi barco mi tesoro,\nque es mi dios la libertad,\nmi ley, la fuerza y el viento,\nmi única",
    "Greek": "Μῆνιν ἄειδε, θεά, Πηληϊάδεω Ἀχιλῆος\nοὐλομένην, ἣ μυρί' Ἀχαιοῖς ἄλγε' ἔθηκεν, πολλὰς δ' ἰφθίμους",  # noqa: RUF001
}
ENGLISH = {
    "Scots": "Wee, sleekit, cow'rin, tim'rous beastie,\nO, what a panic's in thy breastie!\nThou need na start awa",
    "Middle English": "Whan that Aprille with his shoures soote,\nThe droghte of March hath perced to the roote,",
    "names": "I know a valley fair,\nEileen Aroon!\nI knew a cottage there,\nEileen Aroon!\nFar in that valley's shade",
}


def lines_of(*texts):
    return "\n".join(texts).splitlines()


@pytest.mark.parametrize("verse", [VERSE, LONG, SMALL, VERSE * 3, "one\n" * 3, ""])
def test_verse_is_not_prose(verse):
    assert not detection.prose(verse.splitlines()).any()


RHYMED_SMALL = {
    "couplets": """\
the baker's boy is whistling on the corner of the street
and carries in a basket all the loaves that we shall eat
the morning smells of cinnamon and newly fallen rain
and somebody is waving from the window of a train
i had a thing to tell you but it went out of my head
so here is what the baker's boy was whistling instead
""",
    "alternate": """\
below the bridge the barges wait with lanterns on the prow
their cargo under canvas and their captains half asleep
nobody will remember it a hundred years from now
the river takes whatever it was given us to keep
and i who wrote the names of them on paper in the night
have lost the little paper and the pencil and the list
so let the barges go along the water out of sight
and let me be a passenger that nobody has missed
""",
    "envelope": """\
you said the house was empty and the garden overgrown
that no one came to gather what the apple branches bore
and i have walked the seven miles to knock upon the door
and listen to the answer of a clock that ticks alone
a sparrow in the chimney and a letter in the hall
the cups upon the table as they stood the day you left
the heart is like a cupboard after robbery and theft
it keeps a paler square where there were pictures on the wall
""",
}


@pytest.mark.parametrize("kind", RHYMED_SMALL)
@pytest.mark.parametrize("indent", ["", "  "])
def test_rhymed_verse_of_long_even_lines_in_small_letters_is_not_prose(kind, indent):
    lines = [indent + line for line in RHYMED_SMALL[kind].splitlines()]
    assert not detection.prose(lines).any()
    assert not detection.prose([*lines, "", *lines]).any()
    assert detection.prose([*PROSE.splitlines(), ""]).sum() == len(PROSE.splitlines())


def test_prose_that_is_broken_into_lines_is_prose():
    assert detection.prose(PROSE.splitlines()).all()


def test_of_verse_around_prose_no_line_is_taken():
    flags = detection.prose(lines_of(VERSE, PROSE, VERSE))
    assert np.flatnonzero(flags).tolist() == list(range(7, 16))


def test_verse_is_told_from_prose_without_an_empty_line_between():
    flags = detection.prose(lines_of(VERSE.strip(), PROSE.strip(), VERSE))
    # But for the first line of the prose, which like the second begins with a capital.
    assert np.flatnonzero(flags).tolist() == list(range(7, 15))


def test_prose_is_found_where_its_longest_lines_are_missing():
    short = [line for line in PROSE.splitlines() * 2 if len(line) < 63]
    assert len(short) < 18
    assert detection.prose(short)[1:].all()


@pytest.mark.parametrize("language", OTHERS)
def test_other_languages_are_not_english(language):
    assert not detection.is_english(OTHERS[language])


@pytest.mark.parametrize("kind", ENGLISH)
def test_dialects_and_names_are_english(kind):
    assert detection.is_english(ENGLISH[kind])


def test_a_few_words_are_too_few_to_tell():
    assert detection.is_english("Eternal Pain!")
    assert detection.is_english("Les Fleurs du Mal")


def test_a_poem_in_another_language_is_flagged_among_others():
    french = OTHERS["French"] + "\n" + OTHERS["French"]
    flags = detection.foreign(lines_of(VERSE, VERSE, french, "", VERSE, VERSE))
    assert np.flatnonzero(flags).tolist() == list(range(14, 22))


def test_empty_lines_are_of_no_language():
    lines = lines_of(OTHERS["Italian"], "", OTHERS["Italian"], "")
    assert detection.foreign(lines).tolist() == list(map(bool, lines))


def test_a_line_or_a_stanza_in_another_language_does_not_make_a_poem_foreign():
    assert not detection.foreign(lines_of("Mignonne, allons voir si la rose", VERSE, VERSE)).any()
