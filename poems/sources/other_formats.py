"""Files that hold no verse, or none that can be read: told by how they begin, or by how their names end."""

import os
import re

from system.errors import UserError

LOOKED_AT = 2000  # Characters.
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
    (re.compile(r"<[a-zA-Z][\w:-]*(?: [\w:-]+=\"[^\"\n]*\")+ ?/?>"), "a page with tags", AS_TEXT),
    (re.compile(r"\[Script Info\]"), "subtitles", AWAY),
    (re.compile(r"@\w{2,20}\{[\w:.-]*,"), "a list of books", AWAY),
    (re.compile(r"BEGIN:V[A-Z]+\b"), "a calendar or addresses", AWAY),
    (re.compile(r"MIME-Version: |(?:(?:From|To|Cc|Subject|Date|Message-ID|Received): [^\n]*\n){3}"), "a mail", AS_TEXT),
    (re.compile(r"diff --git |Index: [^\n]*\n=|--- [^\n]*\n\+\+\+ |Traceback \(most recent"), "code", AWAY),
)
# What lines of another format look like at their beginnings; it is that if most of the first lines do.
SHAPES = (
    (
        re.compile(
            r"\[?\d{4}[-/.]\d\d[-/.]\d\d[T ,]{1,2}\d\d:\d\d|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d "
            r"|(?:\d{1,3}\.){3}\d{1,3} |\[?(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\b[\]: ]"
        ),
        "a log",
        AWAY,
    ),
    (
        re.compile(
            r"[a-z_][\w.-]{0,60}:(?: [^ ].*)?$|- [\w.-]{1,60}: |---$"
            r"|(?:export )?[\w.-]{1,60} ?=(?: ?[^ ]|$)|\[[\w. -]{1,60}\]$"
        ),
        "settings",
        AWAY,
    ),
    (
        re.compile(
            r"(?:def|class) \w+.*:$|return [\w.\[\]()]+;?$"
            r"|(?:function|var|let|const|int|void|public|private|static) .*[={(;]"
            r"|[})\];]+,?$|.*[){] *\{$|//|/\*|\*/|(?:import|from|using|package) [\w.]+;?$|\w[\w.]*\(.*\);?$"
            r"|(?:CREATE|INSERT|SELECT|DROP|UPDATE|ALTER|DELETE) [A-Z]|(?:if|for|while) \(.*\)|msgid \"|msgstr \""
        ),
        "code",
        AWAY,
    ),
    (
        re.compile(r"\[(?:\d{1,3}:\d\d|[a-z]{2}:)|\d{1,3}:\d\d(?::\d\d)?[,.]?\d* ?(?:-->|[-–])|Dialogue: "),  # noqa: RUF001
        "subtitles",
        AWAY,
    ),
    (re.compile(r"</?[a-zA-Z][^<>]*>|.*<(?:br|/p|/l|/div|/li|/td)\b[^<>]*>$"), "a page with tags", AS_TEXT),
    (re.compile(r"\\[a-zA-Z]+\*?[\[{]|.*[^\\]\\\\$"), "TeX", AS_TEXT),
    (re.compile(r"[A-Za-z0-9+/=]{60,}$"), "a packed file", "unpack it"),
)
MOST = 0.6  # No poem of 130,000 parts of the Gutenberg Poetry Corpus and of the samples has as many lines of one shape.
IN_TEX = re.compile(r"\\(?:begin|end|documentclass|section|usepackage|chapter)\*?\{")
FRONT_MATTER = re.compile(r"\A---\n(?:[^\n:]*:[^\n]*\n)+---\n(?=\s*[^\s])")  # above a poem, as static sites have it
# A table has as many of one of these in each line; a comma of verse is followed by a space.
BETWEEN_COLUMNS = tuple(map(re.compile, (r",(?=[^\s,\"'’”])", r"(?<=\S)\t(?=\S)", r";(?=\S)", r"\|")))  # noqa: RUF001

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
    begins = head.lstrip("\ufeff\r\n\t ")[:LOOKED_AT]
    signs = ((what, remedy) for sign, what, remedy in SIGNS if sign.match(begins))
    found = next(signs, None) or (("TeX", AS_TEXT) if IN_TEX.search(begins) else None) or _shape(begins)
    if found:
        raise UserError(f"{path}: found {found[0]}, expected plain text of verse; {found[1]}")


def _shape(begins: str) -> tuple[str, str] | None:
    """What most of the first lines look like, and what to do about it; None if they may be verse."""
    cut = begins.rpartition("\n")[0] if len(begins) == LOOKED_AT else begins
    lines = [line.strip() for line in FRONT_MATTER.sub("", cut, 1).split("\n") if line.strip()]
    if len(lines) < 2:
        return None
    for shape, what, remedy in SHAPES:
        n = sum(shape.match(line) is not None for line in lines)
        if n >= MOST * len(lines) and n >= min(3, len(lines)):
            return what, remedy
    counts = ({len(between.findall(line)) for line in lines} for between in BETWEEN_COLUMNS)
    is_table = len(lines) > 2 and any(len(found) == 1 and found != {0} for found in counts)
    return ("a table", "name its columns of poems Poem or Text, or leave it out") if is_table else None
