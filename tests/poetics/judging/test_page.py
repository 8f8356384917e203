import html.parser

from poetics.judging import figures
from poetics.judging.copies import Index
from poetics.judging.page import Side, page, poem

TEXT = (
    "The <rose> is red, the day is bright,",
    "And every star will shine at night;",
    "An unrhymed line is in the orange",
)


class Checker(html.parser.HTMLParser):
    """Sees that what is opened is closed, in order, and gathers the text."""

    def __init__(self):
        super().__init__()
        self.opened, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        assert tag not in ("script", "link", "img")
        if tag != "meta":
            self.opened.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag == "rect"

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag

    def handle_data(self, data):
        self.text += data


def checked(source):
    checker = Checker()
    checker.feed(source)
    checker.close()
    assert checker.opened == []
    return checker


def test_the_page_is_whole_needs_nothing_else_and_shows_every_text():
    side = Side(figures.measure([TEXT]), [TEXT])
    text = checked(page("Verse <measured>", {"mine": side, "real verse": side})).text
    assert "Verse <measured>" in text
    assert text.count(TEXT[0]) == 2


def test_rhymes_have_one_colour_and_copied_words_are_underlined_with_their_source():
    copies = Index([("A Book", "red the day is bright and every star will")]).find("\n".join(TEXT))
    source = poem(TEXT, copies)
    checked(source)
    assert source.count('<b style="color: #c0392b">') == 2
    assert "<u>red, the day is </u>" in source
    assert "<u>And every star will</u>" in source
    assert "9 words from A Book, line 1" in source
    assert "&lt;rose&gt;" in source
