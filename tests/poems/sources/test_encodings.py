"""The encoding of a file that is not UTF-8 is told from its letters, reported, and never stops a folder."""

import pathlib
import random

import pytest

from encoder.dataset import summary
from poems.long_texts import END_OF_TEXT
from poems.sources import text_file
from poems.sources.account import Rows
from poems.sources.encodings import guess_encoding, is_damaged_utf8
from poems.sources.formats import read_poems
from poems.sources.sources import DEMO, find_source, has_names
from system.errors import UnreadableFile

FRENCH = "Sous le pont Mirabeau coule la Seine\nLa joie venait toujours après la peine\nOù l'été mûrit, naïf\n"
GERMAN = "Über allen Gipfeln\nSpürest du\nDie Vögelein schweigen, weiß\n"
SPANISH = "y el caballo en la montaña.\nella sueña en su baranda,\ncon ojos de fría plata. ¿Qué?\n"
SWEDISH = "Jag unnar dig ändå allt gott\nåt skogen går jag ö\n"
QUOTED = "“O rose,” she said, “thou’rt sick —\nthe naïve worm…\n"
POLISH = "Litwo! Ojczyzno moja! ty jesteś jak zdrowie.\nIle cię trzeba cenić, ten tylko się dowie\n"
CZECH = "Byl pozdní večer, první máj,\nvečerní máj, byl lásky čas.\nkvětoucí strom lhal lásky žel\n"
HUNGARIAN = "Talpra magyar, hí a haza!\nItt az idő, most vagy soha!\nEsküszünk, hogy rabok tovább\n"
RUSSIAN = "Я вас любил: любовь ещё, быть может,\nВ душе моей угасла не совсем;\n"
LOWER = "ночь, улица, фонарь, аптека,\nбессмысленный и тусклый свет\n"
GREEK = "Σα βγεις στον πηγαιμό για την Ιθάκη,\nνα εύχεσαι νάναι μακρύς ο δρόμος\n"
TURKISH = "Yaşamak bir ağaç gibi tek ve hür\nve bir orman gibi kardeşçesine\nKapansın el kapıları\n"
JAPANESE = "古池や\n蛙飛びこむ\n水の音\n閑さや岩にしみ入る蝉の声\n"
HEBREW = "אלי אלי שלא יגמר לעולם\nהחול והים\n"
ARABIC = "قفا نبك من ذكرى حبيب ومنزل\nبسقط اللوى بين الدخول فحومل\n"
KOREAN = "죽는 날까지 하늘을 우러러\n한 점 부끄럼이 없기를\n"
CHINESE = "床前明月光\n疑是地上霜\n举头望明月\n低头思故乡\n"

# ruff: noqa: RUF001
WRITTEN = [
    *((text, name) for text in (FRENCH, GERMAN, SWEDISH) for name in ("cp1252", "latin-1", "mac_roman")),
    *((QUOTED, "cp1252"), (QUOTED, "mac_roman"), (SPANISH, "cp1252"), (GERMAN, "cp850")),
    *((text, name) for text in (POLISH, CZECH, HUNGARIAN) for name in ("cp1250", "iso8859_2")),
    *((text, name) for text in (RUSSIAN, LOWER) for name in ("cp1251", "koi8_r", "cp866")),
    *((GREEK, "cp1253"), (TURKISH, "cp1254"), (JAPANESE, "cp932"), (CHINESE, "gb18030")),
    *((HEBREW, "cp1255"), (ARABIC, "cp1256"), (KOREAN, "euc_kr")),
    *((FRENCH + GERMAN + SPANISH + SWEDISH, "cp1252"), ("½ a rose, £5\n", "cp1252"), ("a ½\n", "cp1252")),
    *(("„Der Schnee“, sprach er, »fällt«.\n", "cp1252"), ("»Der Schnee fällt«\n", "mac_roman")),
]


def read(path, encoding="utf-8"):
    rows = Rows(str(path))
    return "".join(poem.text for poem in read_poems(rows, encoding)), rows


@pytest.mark.parametrize(("text", "encoding"), WRITTEN)
def test_the_letters_tell_the_encoding(tmp_path, text, encoding):
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    found, rows = read(path)
    assert found == text
    assert rows.guessed


def test_quotes_and_dashes_alone_tell_the_encoding_of_english_verse():
    verse = pathlib.Path(DEMO).read_text(encoding="utf-8").replace("'", "’").replace("--", "—")
    poems = [poem.encode("cp1252") for poem in verse.split(END_OF_TEXT)]
    told = [guess_encoding(poem) for poem in poems if not poem.isascii()]
    assert told == ["cp1252"] * len(told)
    assert len(told) > 100


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("text", [FRENCH, QUOTED, RUSSIAN, JAPANESE, "a rose\n", "…\n"])
def test_unicode_is_never_guessed(tmp_path, text, encoding):
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    found, rows = read(path)
    assert (found, rows.guessed) == (text, "")


def test_one_accent_far_inside_a_file_is_enough(tmp_path):
    path = tmp_path / "a.txt"
    text = "a rose in the rain\n" * 100_000 + "the café is closed\n"
    path.write_bytes(text.encode("cp1252"))
    assert read(path)[0] == text


@pytest.mark.parametrize("block", [1, 3, 64])
def test_the_encoding_does_not_depend_on_how_a_file_is_read(tmp_path, monkeypatch, block):
    monkeypatch.setattr(text_file, "BLOCK", block)
    for encoding in ("utf-8", "cp1252", "utf-16"):
        (tmp_path / "a.txt").write_bytes(FRENCH.encode(encoding))
        assert read(tmp_path / "a.txt")[0] == FRENCH


def test_the_encoding_given_counts_for_more_than_a_guess(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(RUSSIAN.encode("cp1251"))
    found, rows = read(path, "cp1252")
    assert (found, rows.guessed) == (RUSSIAN.encode("cp1251").decode("cp1252"), "")


def test_tables_and_json_are_guessed_as_well(tmp_path):
    (tmp_path / "a.csv").write_bytes(f'Title,Poem,Poet\r\nÉté,"{FRENCH}",Anaïs\r\n'.encode("cp1252"))
    (tmp_path / "b.jsonl").write_bytes('{"text": "L\'été, où"}\n'.encode("cp1252"))
    assert read(tmp_path / "a.csv")[0] == FRENCH
    assert read(tmp_path / "b.jsonl")[0] == "L'été, où\n"


NOISE = [bytes(range(128, 256)) * 4, b"\x81\x8d\x90 \xff\xfe\x80\n"]


@pytest.mark.parametrize("noise", NOISE)
def test_where_nothing_can_be_told_a_file_that_is_named_is_an_error(tmp_path, noise):
    (tmp_path / "a.txt").write_bytes(b"a rose\n" + noise)
    with pytest.raises(UnreadableFile, match=r"a\.txt: (not UTF-8|byte \d+ is not utf-8).*; give its encoding"):
        read(tmp_path / "a.txt")
    with pytest.raises(UnreadableFile, match="give its encoding"):
        list(find_source(str(tmp_path)).poems())


def test_utf8_with_a_few_wrong_bytes_is_not_read_as_something_else(tmp_path):
    damaged = FRENCH.encode() + b"\xe9t\xe9\n"
    assert is_damaged_utf8(damaged)
    (tmp_path / "a.txt").write_bytes(damaged)
    with pytest.raises(UnreadableFile, match=f"byte {len(FRENCH.encode())} is not utf-8"):
        read(tmp_path / "a.txt")


@pytest.mark.parametrize("block", [1, 2, 1 << 20])
def test_the_encoding_given_is_that_of_the_wrong_bytes_alone(tmp_path, monkeypatch, block):
    monkeypatch.setattr(text_file, "BLOCK", block)
    (tmp_path / "a.txt").write_bytes(FRENCH.encode() + "l’été\n".encode("cp1252") + FRENCH.encode())
    assert read(tmp_path / "a.txt", "cp1252")[0] == f"{FRENCH}l’été\n{FRENCH}"


@pytest.mark.parametrize(("text", "encoding"), WRITTEN)
def test_no_other_encoding_looks_like_damaged_utf8(text, encoding):
    assert not is_damaged_utf8(text.encode(encoding))
    assert not any(is_damaged_utf8(line.encode(encoding)) for line in text.splitlines())


def test_letters_that_happen_to_be_utf8_as_well_are_read_as_what_they_are(tmp_path):
    (tmp_path / "a.txt").write_bytes("vítr a déšť\n".encode("cp1250"))  # éšť is one letter of Chinese in UTF-8
    assert read(tmp_path / "a.txt")[0] == "vítr a déšť\n"


def test_a_mixed_folder_never_stops_and_all_is_reported(tmp_path):
    contents = {
        "a.txt": b"a rose\n",
        "b.txt": FRENCH.encode("cp1252"),
        "c.txt": FRENCH.encode(),
        "d.txt": RUSSIAN.encode("cp1251"),
        "e.txt": b"a rose\n" + NOISE[0],
        "f.txt": GERMAN.encode("cp1252"),
        "g.txt": GERMAN.encode("utf-16"),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    source = find_source(str(tmp_path))
    assert not has_names(source)
    assert [poem.text for poem in source.poems()] == ["a rose\n", FRENCH, FRENCH, RUSSIAN, GERMAN, GERMAN]
    unread, why, western, russian = summary.left_out(source)
    assert unread == f"{tmp_path}: 1 of 7 files could not be read, or not to the end: {tmp_path / 'e.txt'}"
    assert why.startswith(f"{tmp_path / 'e.txt'}: not UTF-8, and of no encoding that can be guessed")
    assert western.startswith(f"{tmp_path / 'b.txt'}, {tmp_path / 'f.txt'}: not UTF-8, 2 files read as cp1252, a guess")
    assert russian.startswith(f"{tmp_path / 'd.txt'}: not UTF-8, read as cp1251, a guess")


def test_what_came_before_a_wrong_byte_is_kept_and_ends_there(tmp_path):
    verse = "où la rose\n" * 200_000
    (tmp_path / "a.txt").write_bytes(verse.encode() + b"\xff\xff")
    (tmp_path / "b.txt").write_text("a thorn\n")
    source = find_source(str(tmp_path))
    poems = list(source.poems())
    assert [poem.more for poem in poems] == [True, False, False]
    assert poems[-1].text == "a thorn\n"
    assert source.accounts[str(tmp_path / "a.txt")].unread


def test_noise_is_of_no_encoding():
    assert [guess_encoding(random.Random(size).randbytes(size)) for size in (200, 2000, 20_000)] == [None] * 3
