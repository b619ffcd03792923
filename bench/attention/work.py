"""How much an attention call has to do: visible pairs, visited tiles, operations, bytes, and the physical bound."""

from dataclasses import dataclass

BYTES_PER_S = 4.3e12  # device-to-device copy, read plus written, as measured on an H200
MMA_PER_S = 790e12  # half precision matrix product of 8192, as measured on an H200


@dataclass
class Work:
    pairs: int
    tiles: int
    all_tiles: int
    flop: float
    bytes: int

    @property
    def bound_us(self):
        return max(self.bytes / BYTES_PER_S, self.flop / MMA_PER_S) * 1e6


def row_work(length, window, globals_, tile=64):
    """(visible pairs, visited tiles of tile x tile) of one row and head."""
    window = length if window < 0 else window
    globals_ = min(globals_, length)
    pairs = tiles = 0
    for i in range(length):
        if i < globals_:
            pairs += length
        else:
            low, high = max(0, i - window), min(length, i + window + 1)
            pairs += high - low + min(globals_, low)
    for first in range(0, length, tile):
        last = min(first + tile, length) - 1
        if first < globals_:
            tiles += -(-length // tile)
            continue
        begin, end = max(0, first - window) // tile, -(-min(length, last + window + 1) // tile)
        tiles += end - begin + min(-(-globals_ // tile), begin)
    return pairs, tiles


def case_work(case):
    """Work of the whole call; tiles are counted as the definition needs them, 64 by 64."""
    element = 1 if case.type == 1 else 2
    out = 2 if case.type == 0 else 1
    pairs = tiles = tokens = 0
    known = {}
    for length in case.row_lengths():
        if length not in known:
            known[length] = row_work(length, case.window, case.globals)
        pairs += known[length][0]
        tiles += known[length][1]
        tokens += length
    written = case.batch * case.sequence * case.hidden * out
    return Work(
        pairs=pairs * case.heads,
        tiles=tiles * case.heads,
        all_tiles=case.batch * case.heads * (-(-case.sequence // 64)) ** 2,
        flop=4.0 * pairs * case.heads * case.head_size,
        bytes=3 * tokens * case.hidden * element + written,
    )
