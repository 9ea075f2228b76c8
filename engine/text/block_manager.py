"""Which blocks of the key/value cache hold whose tokens. Plain data, no torch: see tests/engine/test_scheduler.py.

The cache is cut into blocks of `block_size` tokens. A sequence holds a table of block numbers; token n lies in block
`blocks[n // block_size]`. Blocks are handed out as a sequence grows and come back when it ends.

Full blocks can be shared. The name of a full block is a chain: the digest of the block before it and of its own tokens,
beginning at the sequence's namespace. Equal names mean equal tokens from the first one on, within one namespace, so a
new sequence adopts the blocks of its longest known prefix instead of computing them again. The namespace is the tenant
(and whatever else changes keys and values, as an adapter does): who shares blocks with others can tell from the time to
the first token what they asked. Digests, not Python's hashes: a collision would show one person another one's text.

A block that nobody holds any more keeps its name and its content until it is needed, the longest unused first; of one
sequence the last block first, since the earlier ones serve more prefixes.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterator
from hashlib import blake2b

from engine.text.sequence import Sequence


class BlockManager:
    """Blocks `0 … blocks-1`. `prefix_cache=False` shares nothing: every sequence computes everything itself."""

    def __init__(self, blocks: int, block_size: int, *, prefix_cache: bool = True) -> None:
        self.block_size = block_size
        self.total = blocks
        self._prefix_cache = prefix_cache
        self._free = list(range(blocks - 1, -1, -1))
        self._holders = [0] * blocks
        """How many sequences hold each block."""
        self._name_of: dict[int, bytes] = {}
        self._named: dict[bytes, int] = {}
        self._unheld: OrderedDict[int, None] = OrderedDict()
        """Named blocks that nobody holds, the longest unused first."""

    @property
    def available(self) -> int:
        """Blocks that can be handed out now."""
        return len(self._free) + len(self._unheld)

    def blocks_for(self, tokens: int) -> int:
        return -(-tokens // self.block_size)

    def adopt(self, sequence: Sequence) -> int:
        """Give it the blocks of its longest known prefix, in place of its own that it hasn't begun to fill. How many
        more of its tokens count as cached now.

        At least its last token is left to compute, for it is what the next one is sampled from.
        """
        before = sequence.cached
        if not self._prefix_cache or before % self.block_size:
            return 0
        for name in self._names(sequence, (len(sequence.tokens) - 1) // self.block_size):
            block = self._named.get(name)
            if block is None:
                break
            self._hold(block)
            number = len(sequence.chain)
            for own in sequence.blocks[number : number + 1]:
                self._holders[own] = 0
                self._free.append(own)
            sequence.blocks[number : number + 1] = [block]
            sequence.chain.append(name)
        sequence.cached = len(sequence.chain) * self.block_size
        return sequence.cached - before

    def follows(self, sequence: Sequence, other: Sequence) -> bool:
        """Whether the next block that `other` computes is one that `sequence` is going to want."""
        block = max(sequence.cached, other.cached) // self.block_size
        end = (block + 1) * self.block_size
        return (
            self._prefix_cache
            and not sequence.cached % self.block_size
            and end <= min(len(sequence.tokens) - 1, len(other.tokens))
            and self._name(sequence, block) == self._name(other, block)
        )

    def grow(self, sequence: Sequence, tokens: int) -> bool:
        """Make room for its first `tokens` tokens. False, and nothing changed, where too few blocks are left."""
        wanted = self.blocks_for(tokens) - len(sequence.blocks)
        if wanted > self.available:
            return False
        for _ in range(wanted):
            block = self._take()
            self._holders[block] = 1
            sequence.blocks.append(block)
        return True

    def seal(self, sequence: Sequence) -> None:
        """Its tokens up to `cached` are computed: name the blocks that are full now, for others to find."""
        full = sequence.cached // self.block_size
        if not self._prefix_cache or full == len(sequence.chain):  # as after most tokens
            return
        for name in self._names(sequence, full):
            block = sequence.blocks[len(sequence.chain)]
            sequence.chain.append(name)
            if name not in self._named and block not in self._name_of:
                self._named[name] = block
                self._name_of[block] = name

    def release(self, sequence: Sequence, *, forget: bool = False) -> None:
        """Take its blocks back. `forget`: what it computed isn't to be trusted, nobody may find it any more."""
        for block in reversed(sequence.blocks):
            self._holders[block] -= 1
            if forget:
                self._unname(block)
            if self._holders[block]:
                continue
            if block in self._name_of:
                self._unheld[block] = None
            else:
                self._free.append(block)
        sequence.blocks.clear()
        sequence.chain.clear()
        sequence.cached = 0

    def forget_all(self) -> None:
        """The content of the cache is gone. Only while no sequence holds a block."""
        assert not any(self._holders)
        for block in list(self._unheld):
            del self._unheld[block]
            self._unname(block)
            self._free.append(block)

    def _names(self, sequence: Sequence, blocks: int) -> Iterator[bytes]:
        """Of its first `blocks` blocks, those already in its chain left out."""
        return (self._name(sequence, block) for block in range(len(sequence.chain), blocks))

    def _name(self, sequence: Sequence, block: int) -> bytes:
        """Its tokens reach to the end of this block. Tokens only ever come behind, so names stay."""
        names = sequence.names
        for number in range(len(names), block + 1):
            tokens = array("q", sequence.tokens[number * self.block_size : (number + 1) * self.block_size])
            before = names[-1] if names else blake2b(sequence.namespace.encode(), digest_size=32).digest()
            names.append(blake2b(before + tokens.tobytes(), digest_size=32).digest())
        return names[block]

    def _hold(self, block: int) -> None:
        self._holders[block] += 1
        self._unheld.pop(block, None)

    def _take(self) -> int:
        if self._free:
            return self._free.pop()
        block, _ = self._unheld.popitem(last=False)
        self._unname(block)
        return block

    def _unname(self, block: int) -> None:
        name = self._name_of.pop(block, None)
        if name is not None:
            del self._named[name]
