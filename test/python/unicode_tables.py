"""Prints, as JSON, what the `tokenizers` package holds each code point to be.

    python test/python/unicode_tables.py                # JSON, for the test
    python test/python/unicode_tables.py --typescript   # src/model/tokenizer/unicodeTables.ts

Every code point is put through the package's own BertNormalizer and BertPreTokenizer, so the tables are
what the package does, not what a Unicode standard says it should do: its tables are of Unicode 8 and 9.
"""

import json
import sys

import tokenizers
from tokenizers import normalizers, pre_tokenizers


def bert(**settings):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**off, **settings}).normalize_str


CLEAN, CHINESE, STRIP = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True)
DECOMPOSE = normalizers.NFD().normalize_str
SPLIT = pre_tokenizers.BertPreTokenizer().pre_tokenize_str


def normalized(character):
    """The package decomposes the character or orders it among other marks.

    An acute accent (class 230) before it and an overlay (class 1) after it show whether it has a class.
    """
    return (
        DECOMPOSE(character) != character
        or DECOMPOSE("x\u0301" + character) != "x\u0301" + character
        or DECOMPOSE("x" + character + "\u0334") != "x" + character + "\u0334"
    )


def tables():
    found = {}
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        character = chr(code)
        cleaned = CLEAN("a" + character + "b")[1:-1]
        pieces = len(SPLIT("a" + character + "b"))
        members = {
            "dropped": cleaned == "",
            "cleanedToSpace": cleaned == " ",
            "chinese": CHINESE(character) != character,
            "nonspacingMarks": STRIP(character) == "",
            "punctuation": pieces == 3,
            "whitespace": pieces == 2,
            "normalized": normalized(character),
        }
        for name, holds in members.items():
            if holds:
                found.setdefault(name, []).append(code)
    return {name: ranges(codes) for name, codes in found.items()}


def ranges(codes):
    """Ascending code points as `[first, last, first, last, …]`."""
    ends = []
    for code in codes:
        if ends and ends[-1] == code - 1:
            ends[-1] = code
        else:
            ends += [code, code]
    return ends


def typescript(found):
    say = {
        "dropped": "Removed by `clean_text`: controls, format characters, private use, U+FFFD.",
        "cleanedToSpace": "Made a space by `clean_text`.",
        "chinese": "Set between spaces by `handle_chinese_chars`.",
        "nonspacingMarks": "Removed, after decomposition, by `strip_accents`.",
        "punctuation": "A token of its own.",
        "whitespace": "Separates tokens.",
        "normalized": "Decomposed, or ordered among other marks, by canonical decomposition.",
    }
    lines = [
        f"/* Made by test/python/unicode_tables.py from tokenizers {tokenizers.__version__}; do not edit.",
        " * Code points as `first, last, first, last, …`, both included. */",
    ]
    for name, codes in found.items():
        lines += ["", f"/** {say[name]} */", f"export const {name}: readonly number[] = [{', '.join(f'0x{c:x}' for c in codes)}];"]
    return "\n".join(lines)


if __name__ == "__main__":
    found = tables()
    print(typescript(found) if "--typescript" in sys.argv else json.dumps(found))
