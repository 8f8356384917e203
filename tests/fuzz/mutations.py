"""Damage to files: bytes changed, cut, repeated or swapped, and values of JSON replaced by others."""

import json
import random

# What has broken readers before: numbers at the edges of their types, deep nesting, marks, half a letter, long texts.
PIECES = [
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xe2\x80",
    b"\r\n",
    b"\n\n\n",
    b'"',
    b"{",
    b"[" * 2000,
    b'{"a":' * 2000,
    b"9" * 5000,
    b"-1",
    b"1e999",
    b"NaN",
    b"null",
    b"<|endoftext|>",
    b"A" * 70_000,
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"PK\x03\x04",
    b"\x1f\x8b\x08",
    b"../../etc/passwd",
    b"\\ud800",
]
VALUES: list[object] = [
    None,
    True,
    -1,
    0,
    1 << 31,
    1 << 63,
    10**30,
    1e308,
    "",
    "x",
    "\ud800",
    [],
    {},
    [[]],
    {"a": None},
    "9" * 5000,
]


def damage(content: bytes, chance: random.Random) -> bytes:
    """A content with one to four changes."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        content = _change(content, chance)
    return content


def _change(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content) + 1)
    if chance.random() < 0.3:  # Heads break more than bodies.
        start = min(start, chance.randrange(200))
    end = min(len(content), start + chance.choice((1, 1, 2, 4, 8, 100, 5000)))
    kind = chance.randrange(7)
    if kind == 0:
        return content[:start]
    if kind == 1:
        return content[:start] + content[end:]
    if kind == 2:
        return content[:end] + content[start:end] * chance.choice((1, 3, 50)) + content[end:]
    if kind == 3:
        return content[:start] + chance.choice(PIECES) + content[start:]
    if kind == 4:
        return content[:start] + chance.randbytes(end - start) + content[end:]
    if kind == 5 and start < len(content):
        return content[:start] + bytes([content[start] ^ 1 << chance.randrange(8)]) + content[start + 1 :]
    return _other_json(content, chance) or content[:start] + chance.choice(PIECES) + content[end:]


def _other_json(content: bytes, chance: random.Random) -> bytes | None:
    """JSON, whole or a line of it, with a value replaced or a key gone; None if the content is not JSON."""
    lines = content.split(b"\n")
    number = chance.randrange(len(lines)) if len(lines) > 2 else 0
    try:
        found = json.loads(lines[number] if len(lines) > 2 else content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict | list) or not found:
        return None
    node = found
    while True:
        key = chance.choice(list(node)) if isinstance(node, dict) else chance.randrange(len(node))
        inner = node[key]
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.4:
            break
        node = inner
    if chance.random() < 0.3:
        del node[key]
    else:
        node[key] = chance.choice(VALUES)
    changed = json.dumps(found).encode()
    if len(lines) > 2:
        lines[number] = changed
        return b"\n".join(lines)
    return changed
