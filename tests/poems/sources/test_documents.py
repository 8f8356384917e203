"""Documents and tables that other programs wrote (see documents/README.md) give the poems of the original."""

import gzip
import io
import json
import pathlib
import sys
import zipfile

import pytest

from poems.documents import archive, documents
from poems.sources.account import Rows
from poems.sources.formats import read_poems
from poems.sources.sources import find_source
from system.errors import UnreadableFile, UserError

FOLDER = pathlib.Path(__file__).parent / "documents"
ORIGINAL = [(poem["title"], poem["text"]) for poem in json.loads((FOLDER / "original.json").read_text())]
TITLED = ("writer.docx", "writer.odt", "pandoc.docx", "pandoc.odt", "pandoc.epub", "ebooklib.epub")
TABLES = ("pandas.parquet", "pyarrow.parquet")
UNTITLED_AT_THE_END = ("python-docx.docx", "odfpy.odt")

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
RELATIONS = """<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
  <Relationship Id="r" Type="http://schemas.openxmlformats.org/x/officeDocument" Target="word/document.xml"/>
</Relationships>"""
CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
  <rootfiles><rootfile full-path="a/book.opf"/></rootfiles></container>"""
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf"><metadata/>
  <manifest><item id="p" href="page.xhtml" media-type="application/xhtml+xml"/></manifest>
  <spine><itemref idref="p"/></spine></package>"""
MIMETYPE = ("mimetype", "application/epub+zip")


def read(path):
    return list(read_poems(Rows(str(path))))


def titles_and_texts(path):
    return [(poem.title, poem.text) for poem in read(path)]


def write_zip(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def docx(path, body, *more):
    document = f"<w:document {W}><w:body>{body}</w:body></w:document>"
    return write_zip(path, ("_rels/.rels", RELATIONS), ("word/document.xml", document), *more)


def epub(path, body, head="<!DOCTYPE html>"):
    page = f'{head}<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">{body}</html>'
    return write_zip(
        path, MIMETYPE, ("META-INF/container.xml", CONTAINER), ("a/book.opf", PACKAGE), ("a/page.xhtml", page)
    )


def words(*lines, style=""):
    look = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{look}<w:r>{'<w:br/>'.join(f'<w:t>{line}</w:t>' for line in lines)}</w:r></w:p>"


@pytest.mark.parametrize("name", [*TITLED, *TABLES])
def test_poems_stanzas_and_titles_are_those_of_the_original(name):
    assert titles_and_texts(FOLDER / name) == ORIGINAL


@pytest.mark.parametrize("name", UNTITLED_AT_THE_END)
def test_a_new_page_begins_a_poem_without_a_title(name):
    assert titles_and_texts(FOLDER / name) == [*ORIGINAL[:2], ("", ORIGINAL[2][1])]


@pytest.mark.parametrize("name", ["pandoc.epub", "ebooklib.epub", "pandas.parquet"])
def test_the_author_of_a_book_or_a_row_is_that_of_its_poems(name):
    assert {poem.author for poem in read(FOLDER / name)} == {"Anna Arden"}


def test_rows_of_a_table_are_poems_whatever_they_look_like():
    assert all(poem.is_row for poem in read(FOLDER / "pandas.parquet"))


@pytest.mark.parametrize("name", ["writer.docx", "pandoc.epub", "pandas.parquet"])
def test_documents_are_told_by_their_bytes_and_may_be_packed(tmp_path, name):
    renamed, packed = tmp_path / "poems", tmp_path / f"{name}.gz"
    renamed.write_bytes((FOLDER / name).read_bytes())
    packed.write_bytes(gzip.compress(renamed.read_bytes()))
    assert titles_and_texts(renamed) == titles_and_texts(packed) == ORIGINAL


def test_a_folder_may_hold_documents_tables_and_text(tmp_path):
    for name in ("writer.docx", "pandoc.odt", "ebooklib.epub", "pandas.parquet"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    (tmp_path / "a.txt").write_text("a rose\n")
    (tmp_path / "old.doc").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))
    source = find_source(str(tmp_path))
    found = [(poem.title, poem.text) for poem in source.poems()]
    assert found == [("", "a rose\n"), *(ORIGINAL * 4)]
    assert source.skipped == (str(tmp_path / "old.doc"),)


def test_progress_adds_up_to_the_bytes_of_a_document():
    steps: list[int] = []
    list(read_poems(Rows(str(FOLDER / "writer.odt")), progress=steps.append))
    assert sum(steps) == (FOLDER / "writer.odt").stat().st_size


# Paragraphs


def test_a_style_that_is_based_on_a_heading_is_a_heading_and_others_are_not(tmp_path):
    styles = f"""<w:styles {W}>
      <w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
      <w:style w:type="paragraph" w:styleId="Poem"><w:name w:val="Name"/><w:basedOn w:val="berschrift1"/></w:style>
      <w:style w:type="paragraph" w:styleId="Level"><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
      <w:style w:type="paragraph" w:styleId="Round"><w:basedOn w:val="Round"/></w:style>
      <w:style w:type="paragraph" w:styleId="List1"><w:name w:val="toc 1"/></w:style></w:styles>"""
    body = words("Dust ..... 1", style="List1")
    for style in ("berschrift1", "Poem", "Level", "Round"):
        body += words(f"by {style}", style=style) + words("a rose")
    path = docx(tmp_path / "a.docx", body, ("word/styles.xml", styles))
    titled = [("by berschrift1", "a rose\n"), ("by Poem", "a rose\n"), ("by Level", "a rose\nby Round\na rose\n")]
    assert titles_and_texts(path) == titled


def test_stanzas_are_paragraphs_of_lines_or_end_with_an_empty_one(tmp_path):
    stanzas = words("one", "two") + words("three") + words("four", "five")
    assert titles_and_texts(docx(tmp_path / "a.docx", stanzas)) == [("", "one\ntwo\n\nthree\n\nfour\nfive\n")]
    lines = words("one") + words("two") + words("") + words("") + words("three")
    assert titles_and_texts(docx(tmp_path / "b.docx", lines)) == [("", "one\ntwo\n\nthree\n")]
    both = words("one", "two") + words("") + words("three") + words("four")
    assert titles_and_texts(docx(tmp_path / "c.docx", both)) == [("", "one\ntwo\n\nthree\nfour\n")]


@pytest.mark.parametrize(
    "end",
    [
        '<w:p><w:r><w:br w:type="page"/></w:r></w:p>',
        "<w:p><w:pPr><w:sectPr/></w:pPr></w:p>",
        "<w:p><w:pPr><w:pageBreakBefore/></w:pPr></w:p>",
    ],
)
def test_a_page_that_is_ended_by_hand_ends_a_poem(tmp_path, end):
    path = docx(tmp_path / "a.docx", words("T", style="Title") + words("one") + end + words("two"))
    assert [poem.text for poem in read(path)] == ["T\none\n", "two\n"]


def test_deleted_moved_and_doubled_text_is_left_out(tmp_path):
    body = """<w:p><w:r><w:t>kept</w:t></w:r><w:del><w:r><w:delText> gone</w:delText></w:r></w:del>
      <w:moveFrom><w:r><w:t> moved</w:t></w:r></w:moveFrom><w:r><w:instrText> PAGE</w:instrText></w:r>
      <mc:Fallback xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">
      <w:p><w:r><w:t>again</w:t></w:r></w:p></mc:Fallback></w:p>"""
    assert titles_and_texts(docx(tmp_path / "a.docx", body)) == [("", "kept\n")]


PAGES = {
    "<h1>Book</h1><h2>Dust</h2><p>one<br/>two</p><p>three</p>": [("Dust", "one\ntwo\n\nthree\n")],
    "<h3>A<br/>Rose</h3><p>one</p><p>&nbsp;</p><p>two &mdash; three</p>": [("A Rose", "one\n\ntwo — three\n")],
    '<div class="stanza"><div>one</div><div>two</div></div><div><div>three</div></div>': [("", "one\ntwo\n\nthree\n")],
    "<div>one<br/>\n<br/>\n&#160;&#160;<i>two</i>\n and</div>": [("", "one\n\n  two and\n")],
    "<pre>one\n  two\n\nthree</pre>": [("", "one\n  two\n\nthree\n")],
    "<p>one</p><hr/><p>two</p>": [("", "one\n"), ("", "two\n")],
    "<p>one<sup><a epub:type='noteref'>1</a></sup></p><nav><p>Dust</p></nav>": [("", "one\n")],
    "<section epub:type='titlepage'><h1>Songs</h1><p>Anna</p></section><p>one</p>": [("", "one\n")],
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_a_book_has_the_lines_that_a_reader_sees(tmp_path, page):
    assert titles_and_texts(epub(tmp_path / "a.epub", f"<body>{page}</body>")) == PAGES[page]


def test_a_document_without_headings_is_divided_where_the_user_says(tmp_path):
    body = words("Songs", style="Title") + words("one", "two") + words("three") + words("* * *")
    body += words("The Rose") + words("") + words("O rose") + words("") + words("") + words("four")
    path = docx(tmp_path / "a.docx", body)
    read_as = {how: [(p.title, p.text) for p in read_poems(Rows(str(path)), divide=how)] for how in ("stars", "blank")}
    rest = ("The Rose", "O rose\n\n\nfour\n")
    assert read_as["stars"] == [("Songs", "one\ntwo\n\nthree\n"), rest]
    assert read_as["blank"][1:] == [("", "four\n")]


def test_stanzas_are_not_taken_for_blank_lines_that_divide():
    for name in ("writer.docx", "pandoc.odt"):
        poems = read_poems(Rows(str(FOLDER / name)), divide="blank")
        assert [(poem.title, poem.text) for poem in poems] == ORIGINAL


# Damage


BOMB = b"<w:p/>" + b" " * (1 << 25)


@pytest.mark.parametrize("name", [*TITLED, *TABLES])
@pytest.mark.parametrize("share", [0.2, 0.9])
def test_a_document_that_was_cut_off_is_an_error_in_one_line_that_names_it(tmp_path, name, share):
    content = (FOLDER / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UnreadableFile, match=rf"{name}: found .*, expected a whole ") as error:
        read(path)
    assert "\n" not in str(error.value)


def test_kilobytes_that_unpack_to_megabytes_are_refused(tmp_path):
    path = write_zip(tmp_path / "a.docx", ("_rels/.rels", RELATIONS), ("word/document.xml", BOMB))
    assert path.stat().st_size < 1 << 16
    with pytest.raises(UnreadableFile, match="unpacks to 33554438 bytes, expected at most 4194304"):
        read(path)


def test_a_member_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_XML", 10)
    with pytest.raises(UnreadableFile, match="bytes, more than the 10 that are read"):
        read(FOLDER / "writer.odt")


def test_more_elements_than_verse_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MOST_EVENTS", 1000)
    with pytest.raises(UnreadableFile, match="found more than 1,000 elements and texts"):
        read(docx(tmp_path / "a.docx", words("a rose") * 300))


def test_a_file_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(documents, "LARGEST", 100)
    with pytest.raises(UnreadableFile, match="over 100 bytes, expected a document"):
        documents.held_whole(io.BytesIO(bytes(200)), "a.docx")


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE html [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE html [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE html [<!ENTITY % a SYSTEM "http://localhost/a.dtd"> %a;]>',
    ],
)
def test_entities_are_neither_expanded_nor_fetched(tmp_path, head):
    with pytest.raises(UnreadableFile, match="found a document type with declarations of its own"):
        read(epub(tmp_path / "a.epub", "<body><p>&a;</p></body>", head))


def test_a_document_type_without_declarations_is_read(tmp_path):
    head = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">'
    assert titles_and_texts(epub(tmp_path / "a.epub", "<body><p>a rose</p></body>", head)) == [("", "a rose\n")]


@pytest.mark.parametrize("name", ["klingon", "gb18030", "shift_jis", "utf-7", "rot13", "idna", "undefined", "A" * 5000])
def test_a_page_in_an_encoding_that_is_none_is_refused(tmp_path, name):
    with pytest.raises(UnreadableFile, match="expected a whole document") as found:
        read(epub(tmp_path / "a.epub", "<body><p>a rose</p></body>", f'<?xml version="1.0" encoding="{name}"?>'))
    assert len(str(found.value)) < 500


@pytest.mark.parametrize("deep", ["<w:p>", "<w:x>", "<w:t>"])
def test_elements_may_be_nested_deep(tmp_path, deep):
    body = deep * 50_000 + deep.replace("<", "</") * 50_000
    assert titles_and_texts(docx(tmp_path / "a.docx", body + words("a rose"))) == [("", "a rose\n")]


def test_a_protected_book_and_a_page_that_is_missing_are_named(tmp_path):
    path = epub(tmp_path / "a.epub", "")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("META-INF/rights.xml", "")
    with pytest.raises(UnreadableFile, match="found a book that is protected against copying"):
        read(path)
    write_zip(path, MIMETYPE, ("META-INF/container.xml", CONTAINER), ("a/book.opf", PACKAGE))
    with pytest.raises(UnreadableFile, match=r"found no 'a/page\.xhtml', expected a whole document"):
        read(path)


def test_a_damaged_document_in_a_folder_does_not_stop_the_others(tmp_path):
    (tmp_path / "a.docx").write_bytes((FOLDER / "writer.docx").read_bytes()[:3000])
    (tmp_path / "b.odt").write_bytes((FOLDER / "writer.odt").read_bytes())
    source = find_source(str(tmp_path))
    assert [(poem.title, poem.text) for poem in source.poems()] == ORIGINAL
    assert source.accounts[str(tmp_path / "a.docx")].unread.startswith(f"{tmp_path / 'a.docx'}: found ")


def test_parquet_without_its_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UnreadableFile, match=r"pandas\.parquet: .* get it with the extra documents: pip install"):
        read(FOLDER / "pandas.parquet")


def test_parquet_without_a_column_of_poems_is_refused_with_its_columns(tmp_path):
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"name": ["a"], "size": [1]}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="the columns are name, size, expected one called Poem"):
        read(tmp_path / "a.parquet")
    (tmp_path / "a.txt").write_text("a rose\n")
    assert [poem.text for poem in find_source(str(tmp_path)).poems()] == ["a rose\n"]


@pytest.mark.parametrize("name", ["Title", "Poem", "Poet"])
def test_parquet_whose_statistics_do_not_fit_is_refused_and_ends_no_process(tmp_path, name):
    content = (FOLDER / "pandas.parquet").read_bytes()
    optional, required = (bytes([0x25, kind, 0x18, len(name)]) + name.encode() for kind in (2, 0))
    (tmp_path / "a.parquet").write_bytes(content.replace(optional, required))
    with pytest.raises(UnreadableFile, match=r"size mismatch.*, expected a whole Parquet file"):
        read(tmp_path / "a.parquet")


def test_parquet_that_unpacks_to_gigabytes_is_refused(tmp_path):
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"poem": ["a" * 40_000_000]}), tmp_path / "a.parquet", compression="gzip")
    with pytest.raises(UnreadableFile, match=r"a\.parquet: \d+ bytes unpack to \d+, expected at most"):
        read(tmp_path / "a.parquet")


OTHER = {
    "old.doc": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600),
    "a.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n\0\0",
    "a.rtf": b"{\\rtf1\\ansi verse}",
    "poem.txt": b"{\\rtf1\\ansi verse}",
    "a.mobi": bytes(60) + b"BOOKMOBI" + bytes(60),
}


@pytest.mark.parametrize("name", OTHER)
def test_other_documents_are_refused_with_what_to_do(tmp_path, name):
    (tmp_path / name).write_bytes(OTHER[name])
    with pytest.raises(UserError, match=rf"{name}: .*found .*; (save it as \.docx|convert it to \.epub)"):
        read(tmp_path / name)


def test_other_packed_files_are_refused(tmp_path):
    with pytest.raises(UserError, match="found a packed file, expected plain text of verse; unpack it"):
        read(write_zip(tmp_path / "poems.zip", ("a.txt", "a rose")))
