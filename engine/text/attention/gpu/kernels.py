"""The Triton kernels: storing new keys and values, attention over blocks, and adding up the parts of a split context.

Rows are the queries of a chunk, `group` of them a token: row r is the token `r // group` and, of the query heads that
share a key/value head, the one numbered `r % group`. A tile of rows is multiplied with a tile of keys at a time, and
the softmax goes along: the highest score so far, the total of the weights, and the weighted sum of the values (Dao et
al., 2022 and 2023). Scores are kept in base 2. Everything is accumulated in float32.

Head sizes need not be powers of two: keys are read in two parts (576 = 512 + 64, 96 = 64 + 32), each padded to a power
of two of 16 or more with what is beyond masked; values in one padded part.

Where OVERLAPS, a kernel begins while the one before it ends (CUDA's programmatic dependent launch).
"""

import triton
import triton.language as tl

LOG2E: tl.constexpr = tl.constexpr(1.4426950408889634)


@triton.jit
def release_next(OVERLAPS: tl.constexpr):
    """The next kernel may begin as soon as there is room for it."""
    if OVERLAPS:
        tl.extra.cuda.gdc_launch_dependents()


@triton.jit
def wait_previous(OVERLAPS: tl.constexpr):
    """Until all kernels before this one have ended, and what they wrote can be read."""
    if OVERLAPS:
        tl.extra.cuda.gdc_wait()


@triton.jit
def store(
    key, value, keys, values, slots, key_head, key_token, value_head, value_token,
    KV_HEADS: tl.constexpr, KEY_DIM: tl.constexpr, VALUE_DIM: tl.constexpr, KEY_WIDTH: tl.constexpr,
    VALUE_WIDTH: tl.constexpr, HAS_VALUES: tl.constexpr, BLOCK_SIZE: tl.constexpr, OVERLAPS: tl.constexpr,
):  # fmt: skip
    """One token and head to its place: slot = block · BLOCK_SIZE + place, or −1 for nowhere. Grid: tokens, their
    key/value heads."""
    release_next(OVERLAPS)
    wait_previous(OVERLAPS)
    token, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    slot = tl.load(slots + token)
    if slot >= 0:
        line = ((slot // BLOCK_SIZE).to(tl.int64) * KV_HEADS + head) * BLOCK_SIZE + slot % BLOCK_SIZE
        column = tl.arange(0, KEY_WIDTH)
        numbers = tl.load(key + head * key_head + token * key_token + column, mask=column < KEY_DIM)
        tl.store(keys + line * KEY_DIM + column, numbers, mask=column < KEY_DIM)
        if HAS_VALUES:
            column = tl.arange(0, VALUE_WIDTH)
            numbers = tl.load(value + head * value_head + token * value_token + column, mask=column < VALUE_DIM)
            tl.store(values + line * VALUE_DIM + column, numbers, mask=column < VALUE_DIM)


@triton.jit
def attend(
    query, keys, values, sinks, output, sums, highest, totals,
    task_chunks, task_rows, tables, starts, counts, first_rows,
    scale, cap, query_head, query_token, table_width,
    KV_HEADS: tl.constexpr, GROUP: tl.constexpr, KEY_DIM: tl.constexpr, VALUE_DIM: tl.constexpr,
    VALUE_LINE: tl.constexpr, MAIN: tl.constexpr, REST: tl.constexpr, VALUE_WIDTH: tl.constexpr,
    VALUES_ARE_MAIN: tl.constexpr, WINDOW: tl.constexpr, SOFTCAP: tl.constexpr, SINKS: tl.constexpr,
    WHOLE: tl.constexpr, ROWS: tl.constexpr, KEYS: tl.constexpr, BLOCK_SIZE: tl.constexpr,
    OVERLAPS: tl.constexpr,
):  # fmt: skip
    """A task's rows with one of `splits` parts of the tokens they see. Grid: tasks, key/value heads, splits.

    Scores are the products times `scale`, or where SOFTCAP `cap · tanh(products · scale)`, both in base 2. WHOLE: there
    is one part, and the result is written; otherwise the part's sums are. VALUES_ARE_MAIN: the values are the first
    part of the keys, which is there already.
    """
    release_next(OVERLAPS)
    wait_previous(OVERLAPS)
    task, head, split, splits = tl.program_id(0), tl.program_id(1), tl.program_id(2), tl.num_programs(2)
    chunk, first = tl.load(task_chunks + task), tl.load(task_rows + task)
    table = tables + chunk * tl.load(table_width)
    start, rows = tl.load(starts + chunk), tl.load(counts + chunk) * GROUP
    row = first + tl.arange(0, ROWS)
    real = row < rows
    own = start + row // GROUP
    token = (tl.load(first_rows + chunk) + row // GROUP).to(tl.int64)
    query_heads = head * GROUP + row % GROUP

    main, column = tl.arange(0, MAIN), tl.arange(0, VALUE_WIDTH)
    queries = query + token * query_token + query_heads * query_head
    asked = tl.load(queries[:, None] + main[None, :], mask=real[:, None] & (main < KEY_DIM)[None, :], other=0.0)
    if REST:
        rest = MAIN + tl.arange(0, REST)
        asked_rest = tl.load(
            queries[:, None] + rest[None, :], mask=real[:, None] & (rest < KEY_DIM)[None, :], other=0.0
        )

    most = tl.full([ROWS], float("-inf"), tl.float32)
    total = tl.full([ROWS], 0.0, tl.float32)
    result = tl.full([ROWS, VALUE_WIDTH], 0.0, tl.float32)
    if SINKS:  # a score without a value, of the first part only
        if split == 0:
            most = tl.load(sinks + query_heads, mask=real, other=0.0).to(tl.float32) * LOG2E
            total = tl.full([ROWS], 1.0, tl.float32)

    last = start + (tl.minimum(first + ROWS, rows) - 1) // GROUP
    begin = start * 0
    if WINDOW:  # tiles of keys that no row sees aren't read
        begin = tl.maximum(start + first // GROUP - WINDOW + 1, 0) // KEYS
    end = last // KEYS + 1
    each = (end - begin + splits - 1) // splits
    begin += split * each
    end = tl.minimum(begin + each, end)
    for tile in range(begin, end):
        place = tile * KEYS + tl.arange(0, KEYS)
        there = place <= last
        block = tl.load(table + place // BLOCK_SIZE, mask=there, other=0).to(tl.int64)
        line = (block * KV_HEADS + head) * BLOCK_SIZE + place % BLOCK_SIZE
        key_lines = keys + line[:, None] * KEY_DIM
        known = tl.load(key_lines + main[None, :], mask=there[:, None] & (main < KEY_DIM)[None, :], other=0.0)
        scores = tl.dot(asked, tl.trans(known), input_precision="ieee")
        if REST:
            more = tl.load(key_lines + rest[None, :], mask=there[:, None] & (rest < KEY_DIM)[None, :], other=0.0)
            scores = tl.dot(asked_rest, tl.trans(more), acc=scores, input_precision="ieee")
        scores = scores * scale
        if SOFTCAP:  # tanh, which Triton has for GPUs only, by the exponential function
            scores = cap * (1 - 2 / (tl.exp(2 * scores) + 1))
        seen = place[None, :] <= own[:, None]
        if WINDOW:
            seen = seen & (place[None, :] > own[:, None] - WINDOW)
        scores = tl.where(seen, scores, float("-inf"))

        higher = tl.maximum(most, tl.max(scores, 1))
        base = tl.where(higher == float("-inf"), 0.0, higher)  # a row that saw nothing yet
        weights = tl.exp2(scores - base[:, None])
        lessened = tl.exp2(most - base)
        total = total * lessened + tl.sum(weights, 1)
        if VALUES_ARE_MAIN:
            told = known
        else:
            value_at = values + line[:, None] * VALUE_LINE + column[None, :]
            told = tl.load(value_at, mask=there[:, None] & (column < VALUE_DIM)[None, :], other=0.0)
        result = tl.dot(weights.to(told.dtype), told, acc=result * lessened[:, None], input_precision="ieee")
        most = higher

    stored = real[:, None] & (column < VALUE_DIM)[None, :]
    if WHOLE:
        line = token * (KV_HEADS * GROUP) + query_heads
        told = (result / total[:, None]).to(output.dtype.element_ty)
        tl.store(output + line[:, None] * VALUE_DIM + column[None, :], told, mask=stored)
    else:
        line = ((task.to(tl.int64) * KV_HEADS + head) * splits + split) * ROWS + tl.arange(0, ROWS)
        tl.store(highest + line, most, mask=real)
        tl.store(totals + line, total, mask=real)
        tl.store(sums + line[:, None] * VALUE_DIM + column[None, :], result, mask=stored)


@triton.jit(do_not_specialize=["splits"])
def combine(
    sums, highest, totals, output, task_chunks, task_rows, counts, first_rows, splits,
    KV_HEADS: tl.constexpr, GROUP: tl.constexpr, VALUE_DIM: tl.constexpr, VALUE_WIDTH: tl.constexpr,
    ROWS: tl.constexpr, MOST_SPLITS: tl.constexpr, OVERLAPS: tl.constexpr,
):  # fmt: skip
    """A row's parts put together. Grid: tasks, key/value heads, rows of a tile. One that saw nothing weighs nothing."""
    release_next(OVERLAPS)
    wait_previous(OVERLAPS)
    task, head, place = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    chunk, row = tl.load(task_chunks + task), tl.load(task_rows + task) + place
    if row < tl.load(counts + chunk) * GROUP:
        line = (task.to(tl.int64) * KV_HEADS + head) * splits * ROWS + place
        part, column = tl.arange(0, MOST_SPLITS), tl.arange(0, VALUE_WIDTH)
        most = tl.load(highest + line + part * ROWS, mask=part < splits, other=float("-inf"))
        top = tl.max(most, 0)
        total = tl.sum(tl.exp2(most - top) * tl.load(totals + line + part * ROWS, mask=part < splits, other=0.0), 0)
        result = tl.full([VALUE_WIDTH], 0.0, tl.float32)
        for number in range(splits):
            weight = tl.exp2(tl.load(highest + line + number * ROWS) - top)
            at = (line + number * ROWS) * VALUE_DIM
            result += weight * tl.load(sums + at + column, mask=column < VALUE_DIM, other=0.0)
        token = (tl.load(first_rows + chunk) + row // GROUP).to(tl.int64)
        at = output + (token * (KV_HEADS * GROUP) + head * GROUP + row % GROUP) * VALUE_DIM
        tl.store(at + column, (result / total).to(output.dtype.element_ty), mask=column < VALUE_DIM)
