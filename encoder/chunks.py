"""A corpus in chunks: text cut where the ids of the parts are those of the whole, and encoded by several processes."""

import contextlib
import itertools
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import regex

from encoder.pattern import END
from encoder.reference import check_characters

BLOCK = 1 << 16  # Characters that are cut and made UTF-8 at once.
FIRST, LARGEST = 1 << 16, 4 << 20  # Bytes of a chunk: few at first, while most words are new.
LONGEST = LARGEST + 4 * BLOCK  # Only a chunk with a piece of many thousand letters is longer.
AT_ONCE = 2  # Chunks that a process has at once, so that it need not wait for one.
AHEAD = 3  # Chunks of a process that may wait for one before them.
Chunk = list[bytes]  # UTF-8 in parts, since joining them takes time.
# Backwards, two characters between which a piece ends whatever stands around them.
CUT = regex.compile(r"(?r)\p{L}\P{L}|\p{N}\P{N}|\S\s")


def cut(texts: Iterable[str | None], workers: int = 1) -> Iterator[Chunk]:
    """Chunks of text that goes on from one to the next, with END for every None.

    They grow as often as there is one for each place where the workers of `in_order` have one.

    Raises:
      ValueError: the text holds half of a surrogate pair.
    """
    chunk: list[bytes] = []
    size, limit, number = 0, FIRST, 0
    for block in _blocks(texts):
        chunk.append(block)
        size += len(block)
        if size >= limit:
            yield chunk
            chunk, size, number = [], 0, number + 1
            if number % (1 + AT_ONCE * (workers - 1)) == 0:
                limit = min(2 * limit, LARGEST)
    yield chunk


def find_cuts(text: str) -> Iterator[int]:
    """Places, about every BLOCK characters, where a piece ends whatever follows the text."""
    at, ahead = 0, BLOCK
    while at + ahead <= len(text):
        found = CUT.search(text, at, at + ahead)
        if found:
            at, ahead = found.end() - 1, BLOCK
            yield at
        else:
            ahead *= 2  # for a piece as long


def in_order(encode: Callable[[Chunk], np.ndarray], chunks: Iterable[Chunk], workers: int) -> Iterator[np.ndarray]:
    """encode(chunk), uint16 [n_ids], of one chunk after the other, by this process and workers - 1 others.

    Whichever has room takes the next chunk, and this process does when none has.
    """
    crew: list[Worker] = []
    tasks: deque[Task] = deque()
    try:
        for chunk in chunks:
            tasks.append(_begin(chunk, encode, crew, workers))
            while tasks and (tasks[0].ids is not None or len(tasks) > AHEAD * workers):
                yield tasks.popleft().wait()
        for task in reversed(tasks):
            if task.is_waiting():
                task.finish(encode(task.chunk))
        while tasks:
            yield tasks.popleft().wait()
    finally:
        for worker in crew:
            worker.stop()


def _begin(chunk, encode, crew, workers):
    for worker in crew:
        worker.receive_finished()
    if sum(map(len, chunk)) <= LONGEST:
        for worker in crew:
            if len(worker.tasks) < AT_ONCE:
                return worker.begin(chunk)
        if len(crew) < workers - 1:
            crew.append(Worker(encode))
            return crew[-1].begin(chunk)
    return Task([], ids=encode(chunk))


class Task:
    """A chunk that a worker is to encode, until there are ids."""

    def __init__(self, chunk: Chunk, worker: "Worker | None" = None, ids: np.ndarray | None = None):
        self.chunk, self.worker, self.ids = chunk, worker, ids

    def finish(self, ids: np.ndarray) -> None:
        """Has its ids, and needs its chunk no more."""
        self.chunk, self.ids = [], ids

    def is_waiting(self) -> bool:
        """Whether its worker has others to encode first."""
        if self.worker is None:
            return False
        self.worker.receive_finished()
        return self.ids is None and self.worker.tasks[0] is not self

    def wait(self) -> np.ndarray:
        """Its ids."""
        while self.ids is None:
            assert self.worker, "a chunk without ids is with no worker"
            self.worker.receive()
        return self.ids


class Worker:
    """A process that encodes chunks. They go there, and their ids come back, through memory that both see.

    Attributes:
      tasks: those that it has, AT_ONCE at most, in their order.
    """

    def __init__(self, encode):
        memories = [multiprocessing.RawArray("B", LONGEST) for _ in range(AT_ONCE)]
        self.tasks: deque[Task] = deque()
        self._memories = deque(map(_array, memories))  # that of the first task is the first
        self._connection, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(
            target=_serve, args=(encode, memories, theirs, self._connection), daemon=True
        )
        self._process.start()
        theirs.close()

    def begin(self, chunk: Chunk) -> Task:
        """Gives it one more chunk."""
        memory, size = self._memories[len(self.tasks)], 0
        for part in chunk:
            memory[size : size + len(part)] = np.frombuffer(part, np.uint8)
            size += len(part)
        with _end_noticed():
            self._connection.send(size)
        self.tasks.append(Task(chunk, self))
        return self.tasks[-1]

    def receive(self) -> None:
        """Waits for the ids of its first task."""
        with _end_noticed():
            answer = self._connection.recv()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            answer = self._memories[0][: 2 * answer].view(np.uint16).copy()
        self.tasks.popleft().finish(answer)
        self._memories.rotate(-1)

    def receive_finished(self) -> None:
        """Fetches the ids that are there."""
        while self.tasks and self._connection.poll():
            self.receive()

    def stop(self) -> None:
        """Ends the process, whatever it does."""
        self._process.terminate()
        self._process.join()
        self._connection.close()


@contextlib.contextmanager
def _end_noticed():
    try:
        yield
    except (EOFError, ConnectionError):
        raise RuntimeError("a worker process was ended, perhaps because the memory did not suffice") from None


def _serve(encode, memories, connection, other_end):
    other_end.close()  # Else this process would hold it open, and not see that the first one is gone.
    for memory in itertools.cycle(map(_array, memories)):
        try:
            ids = encode([memory[: connection.recv()].data])
            if ids.nbytes <= len(memory):
                memory[: ids.nbytes] = ids.view(np.uint8)
                connection.send(len(ids))
            else:
                connection.send(ids)
        except (EOFError, KeyboardInterrupt):
            return
        except Exception as error:
            connection.send(error)


def _array(memory):
    return np.frombuffer(memory, np.uint8)


def _blocks(texts):
    """The text as UTF-8, in blocks that end where it may be cut."""
    held: list[str] = []
    size, limit = 0, BLOCK
    for text in texts:
        if text is None:
            yield _utf_8("".join(held)) + bytes([END])
            held, size, limit = [], 0, BLOCK
            continue
        held.append(text)
        size += len(text)
        if size >= limit:
            whole, at = "".join(held), 0
            for place in find_cuts(whole):
                yield _utf_8(whole[at:place])
                at = place
            held, size = [whole[at:]], len(whole) - at
            limit = max(BLOCK, 2 * size)  # Else a piece that goes on and on would be searched for each part of it.
    yield _utf_8("".join(held))


def _utf_8(text):
    try:
        return text.encode()
    except UnicodeEncodeError:
        check_characters(text)  # raises as well, with a message
        raise
