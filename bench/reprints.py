"""How much of each known book of the Gutenberg Poetry Corpus stands elsewhere in it too: what may be held out.

python bench/reprints.py

Counted are the words that are in a run of eight words which stands outside the book. Books with the smallest share can
be held out whole: a model that was trained on all the rest has not read them.
"""

from poems.duplicates.shared_runs import Runs
from poems.sources import gutenberg_corpus
from system import command_line


def main() -> None:
    """Prints the known books, those that are reprinted least first."""
    runs = Runs(gutenberg_corpus.read_lines())
    shares = {book: runs.share_elsewhere(book.first, book.last + 1) for book in gutenberg_corpus.BOOKS}
    print(f"{'elsewhere':>9} {'lines':>7} {'number':>7}  book")
    for book, share in sorted(shares.items(), key=lambda item: item[1]):
        print(f"{share:9.4f} {book.last - book.first + 1:7,} {book.gid:7}  {book.author}, {book.title}")


if __name__ == "__main__":
    command_line.run(main)
