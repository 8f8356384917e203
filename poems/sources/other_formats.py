"""Files that hold no verse, or none that can be read: told by how they begin, or by how their names end."""

import os
import re

from system.errors import UserError

# What a file of another format begins with, and what to do about it. All are matched at the beginning alone.
AS_TEXT, AWAY = "save it as plain text", "leave it out"
AS_DOCUMENT = "save it as .docx or as plain text"
SIGNS = (
    (re.compile(r"\{\\(?:rtf|urtf)"), "RTF", AS_DOCUMENT),
    (re.compile(r"\\(?:documentclass|documentstyle|begin\{|usepackage|input\{)|%!TEX|%&"), "TeX", AS_TEXT),
    (re.compile(r"<(?:!doctype|html|head|body|\?xml|svg|!--)[\s>]?", re.IGNORECASE), "a page with tags", AS_TEXT),
    (re.compile(r"%PDF-|%!PS"), "a printed page", AS_TEXT),
    (re.compile(r"\{\s*\"[^\"\n]{0,100}\"\s*:|\[\s*[{\[\]]"), "JSON without verse", AWAY),
    (re.compile(r"WEBVTT|\d+\s*\n\d\d:\d\d:\d\d[,.]\d{3} -->"), "subtitles", AWAY),
    (re.compile(r"(?:[;#][^\n]*\n\s*)?\[[^\]\n]{1,100}\]\s*\n\s*[\w.-]{1,100} ?="), "settings", AWAY),
    (
        re.compile(r"#!|#include\b|#ifndef\b|<\?php|@echo\b|from [\w.]+ import |import [\w.]+\n(?:import|from) "),
        "code",
        AWAY,
    ),
    (re.compile(r"(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d[^\n]*\n){3}"), "a log", AWAY),
)

# What binary files begin with, from this byte.
BINARY = (
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a .doc of old, or a document with a password", AS_DOCUMENT),
    (0, b"%PDF-", "a printed page", AS_DOCUMENT),
    (0, b"PK\x03\x04", "a packed file", "unpack it, and name the documents or files of text in it"),
    (60, b"BOOKMOBI", "a book for a Kindle", "convert it to .epub"),
)
# Endings of names of documents that are not read, but could be in another format.
CONVERTIBLE = (".doc", ".pdf", ".rtf", ".pages", ".wpd", ".mobi", ".azw", ".azw3")

# Endings of names of code, pages, settings and data that may be text. A folder of poems may have others of its own.
ENDINGS = frozenset(
    f".{ending}"
    for ending in """
    asm asp bash bat bib c cc cfg cmake cmd conf cpp cs css csh cue cxx dart desktop diff dockerfile dtd el eml erl
    ex f f90 fish go gradle h hpp hs htm html ics inf ini ipynb java jl js json5 jsp jsx kt less lisp lock log lua m
    m3u m4 mak make mk ml mm opf orig patch php pl plist pm po pot properties ps ps1 py pyi r rb rej rels rs rss rtf
    sass scala scm scss sh sql srt sty svg swift tcl tex toml ts tsx url vb vbs vcf vim vtt wsgi xhtml xml xsd xsl
    yaml yml zsh
    """.split()  # noqa: SIM905
)


# Names of files beside code and collections, which speak about them. Endings such as .md do not matter.
NAMES = frozenset(("readme", "makefile", "license", "licence", "changelog", "contributing", "authors", "vocab.bpe"))


def has_other_ending(path: str) -> bool:
    """Whether the name of a file is, or ends as, those of code, pages, settings and notes for readers."""
    name = os.path.basename(path).lower()
    stem, ending = os.path.splitext(name)
    is_note = name in NAMES or (stem in NAMES and ending in (".md", ".rst", ".txt"))
    return name.endswith(".report.json") or is_note or ending in ENDINGS


def check_binary(data: bytes, path: str) -> None:
    """Raises a UserError for a binary file of another format that begins so."""
    for place, sign, what, remedy in BINARY:
        if data.startswith(sign, place):
            raise UserError(f"{path}: not text, found {what}, expected plain text of verse; {remedy}")


def check_format(head: str, path: str) -> None:
    """Raises a UserError for a file of another format that begins so."""
    begins = head.lstrip("\ufeff\r\n\t ")[:2000]
    for sign, what, remedy in SIGNS:
        if sign.match(begins):
            raise UserError(f"{path}: found {what}, expected plain text of verse; {remedy}")
