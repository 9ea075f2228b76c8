/* Attention over a paged key/value cache, for the CPU. Built and called by native.py.

   One call handles one layer of one step. For every chunk (tokens `start … start+count-1` of one sequence) it first
   writes the new keys and values into the chunk's blocks, then computes attention with an online softmax (Milakov and
   Gimelshein, 2018; the loop of FlashAttention), SPAN blocks at a time, so nothing but a few rows is kept beside the cache.

   A block holds BLOCK tokens. Keys lie transposed in it, [head_dim][BLOCK], of bfloat16 two numbers in a word of 32 bits,
   [head_dim / 2][BLOCK][2]: the scores of a query with a whole block are then one vector or a few, with no sum across
   lanes. Values lie as they come, [BLOCK][head_dim], of bfloat16 those of two tokens in a word, [BLOCK / 2][head_dim][2],
   and weights are rounded to such words too. Query heads that share a key/value head are rows of one tile, so each key is
   read once for all of them.

   ELEMENT is float, or bfloat16 as uint16_t; everything is added up in float. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "../pool.h"
#include "../vectors.h"
#include "paged.h"

#define BLOCK 16
#define MOST_DIM 256
#define SPAN 4 /* Blocks whose scores are weighed together, by their places: a row's numbers are the same in any tile. */
#define TILE 6 /* rows at a time */
#define PARTS (BLOCK / LANES) /* vectors that hold a number for each token of a block */
#if LANES == 16
#define SUMS 24 /* of 32 registers */
#else
#define SUMS 12 /* of 16 */
#endif
#define VECTORS (SUMS / TILE) /* of a row's results at a time, where there are so many */
#define LOWEST -1e30f

struct plan {
    int32_t chunks, query_heads, kv_heads, dim, threads;
    int32_t table_stride; /* block numbers a row of `tables` holds */
    const int32_t *tables, *starts, *counts, *first_rows;
    /* The work, in pieces that one thread takes at once: rows `task_froms … task_tos-1` of a chunk. */
    int32_t tasks, padding;
    const int32_t *task_chunks, *task_froms, *task_tos;
};

#ifdef BFLOAT16
#define A_WORD 2 /* numbers */
INLINE vec plus_product(vec sum, const ELEMENT *word, vec others) { return plus_twos(sum, word, others); }

/* As a weight is kept, and what it is worth then. */
INLINE vec kept_weight(vec weight, ELEMENT *to) {
    const shorts halves = narrowed(weight);
    memcpy(to, &halves, sizeof halves);
    return widened(to);
}

/* A value's numbers among those of its word. The later token's places become 0 with the earlier one, so that there is
   nothing in them that isn't a number. */
INLINE void store_value(const ELEMENT *value, ELEMENT *words, int dim, int is_later) {
    uint32_t *to = (uint32_t *)words;
    for (int d = 0; d < dim; d++) to[d] = is_later ? (to[d] & 0xFFFF) | (uint32_t)value[d] << 16 : value[d];
}
#else
#define A_WORD 1
INLINE vec plus_product(vec sum, const ELEMENT *word, vec others) { return sum + *word * others; }

INLINE vec kept_weight(vec weight, ELEMENT *to) {
    memcpy(to, &weight, sizeof weight);
    return weight;
}

INLINE void store_value(const ELEMENT *value, ELEMENT *words, int dim, int is_later) {
    memcpy(words, value, dim * sizeof(ELEMENT));
}
#endif

static inline vec all(float number) { return number - (vec){0}; }

/* exp for x ≤ 0: 2^n · 2^f with a polynomial for 2^f on [-½, ½], relative error below 2e-7 (Cephes' expf). */
static inline vec exponential(vec x) {
    const ivec below = x < -87.0f;
    x = (vec)(((ivec)all(-87.0f) & below) | ((ivec)x & ~below));
    const vec shifted = x * 1.44269504f + 12582912.0f; /* 1.5 · 2^23: rounds to the nearest integer */
    const vec n = shifted - 12582912.0f;
    vec f = x - n * 0.693359375f;
    f = f + n * 2.12194440e-4f;
    vec p = all(1.9875691500e-4f);
    p = p * f + 1.3981999507e-3f;
    p = p * f + 8.3334519073e-3f;
    p = p * f + 4.1665795894e-2f;
    p = p * f + 1.6666665459e-1f;
    p = p * f + 5.0000001201e-1f;
    p = p * f * f + f + 1.0f;
    const ivec power = __builtin_convertvector(n, ivec) << 23;
    const vec result = (vec)((ivec)p + power);
    const ivec nan = x != x;
    return (vec)(((ivec)x & nan) | ((ivec)result & ~nan));
}

/* tanh, with an absolute error below 2e-7. */
static inline vec tangent(vec x) {
    const ivec sign = (ivec)x & (ivec)all(-0.0f);
    const vec falling = exponential(-2 * (vec)((ivec)x ^ sign));
    return (vec)((ivec)((1 - falling) / (1 + falling)) ^ sign);
}

static inline vec larger_of(vec a, vec b) {
    const ivec more = a > b;
    return (vec)(((ivec)a & more) | ((ivec)b & ~more));
}

/* Halves against each other: a chain of single additions would take longer than the multiplications of a block. */
static inline float largest(vec x) {
    float numbers[LANES];
    memcpy(numbers, &x, sizeof x);
    UNROLL for (int width = LANES / 2; width; width /= 2)
        for (int lane = 0; lane < width; lane++)
            numbers[lane] = numbers[lane] > numbers[lane + width] ? numbers[lane] : numbers[lane + width];
    return numbers[0];
}

static inline float sum(vec x) {
    float numbers[LANES];
    memcpy(numbers, &x, sizeof x);
    UNROLL for (int width = LANES / 2; width; width /= 2)
        for (int lane = 0; lane < width; lane++) numbers[lane] += numbers[lane + width];
    return numbers[0];
}

/* Where in the cache the numbers of a head lie for a block of a chunk's sequence. */
INLINE int64_t place_of(const struct plan *plan, int chunk, int head, int block) {
    const int64_t number = plan->tables[(int64_t)chunk * plan->table_stride + block];
    return (number * plan->kv_heads + head) * BLOCK * plan->dim;
}

static void store(const struct plan *plan, const struct attended *layer, int chunk, int head) {
    const int dim = plan->dim, start = plan->starts[chunk], first = plan->first_rows[chunk];
    for (int token = 0; token < plan->counts[chunk]; token++) {
        const int place = start + token;
        const int64_t block = place_of(plan, chunk, head, place / BLOCK);
        const ELEMENT *key = (const ELEMENT *)layer->key + head * layer->key_head + (first + token) * layer->key_token;
        const ELEMENT *value =
            (const ELEMENT *)layer->value + head * layer->value_head + (first + token) * layer->value_token;
        ELEMENT *keys = (ELEMENT *)layer->keys + block + place % BLOCK * A_WORD;
        for (int d = 0; d < dim; d += A_WORD) memcpy(keys + d * BLOCK, key + d, A_WORD * sizeof(ELEMENT));
        ELEMENT *values = (ELEMENT *)layer->values + block + place % BLOCK / A_WORD * A_WORD * (int64_t)dim;
        store_value(value, values, dim, place % A_WORD);
    }
}

/* Blocks whose scores are weighed together, and those that come after them. Where there are fewer, others stand in their
   places, and none of their tokens is seen. */
struct span {
    const ELEMENT *keys[SPAN], *values[SPAN], *next_keys[SPAN];
};

/* What rows of a tile have come to. */
struct sums {
    vec out[TILE][MOST_DIM / LANES], total[TILE]; /* total: in parts */
    float most[TILE];
};

INLINE void score_some(
    const struct span *span, int dim, ELEMENT query[][MOST_DIM], float scores[][SPAN * BLOCK], int block, const int rows,
    const int blocks) {
    vec numbers[TILE][SPAN * PARTS];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int p = 0; p < blocks * PARTS; p++) numbers[r][p] = (vec){0};
    for (int d = 0; d < dim; d += A_WORD) {
        vec key[SPAN * PARTS]; /* words */
        UNROLL for (int b = 0; b < blocks; b++) {
            __builtin_prefetch(span->values[block + b] + d * BLOCK, 0, 2);
            UNROLL for (int p = 0; p < PARTS; p++)
                memcpy(key + b * PARTS + p, span->keys[block + b] + d * BLOCK + p * LANES * A_WORD, sizeof(vec));
        }
        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int p = 0; p < blocks * PARTS; p++) numbers[r][p] = plus_product(numbers[r][p], query[r] + d, key[p]);
    }
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int p = 0; p < blocks * PARTS; p++)
            memcpy(scores[r] + block * BLOCK + p * LANES, &numbers[r][p], sizeof numbers[r][p]);
}

/* Blocks lie anywhere, so the processor doesn't foresee their values, nor the next keys, by itself. */
INLINE void score(
    const struct span *span, int dim, ELEMENT query[][MOST_DIM], float scores[][SPAN * BLOCK], const int rows) {
    const int fit = SUMS / (rows * PARTS), at_once = fit >= SPAN ? SPAN : fit >= 2 ? 2 : 1;
    for (int block = 0; block < SPAN; block += at_once) score_some(span, dim, query, scores, block, rows, at_once);
}

/* Scores become weights; what there is of the row so far is scaled to the new maximum. first, last: tokens it sees. */
INLINE void weigh(
    const struct plan *plan, const struct attended *layer, const float *scores, ELEMENT *weights, int first, int last,
    struct sums *sums, const int row) {
    vec numbers[SPAN * PARTS], now = all(LOWEST), added = {0};
    ivec lanes, seen[SPAN * PARTS];
    for (int lane = 0; lane < LANES; lane++) lanes[lane] = lane;
    UNROLL for (int p = 0; p < SPAN * PARTS; p++) {
        memcpy(numbers + p, scores + p * LANES, sizeof numbers[p]);
        numbers[p] *= layer->scale;
        if (layer->softcap) numbers[p] = tangent(numbers[p] / layer->softcap) * layer->softcap;
        const ivec token = lanes + p * LANES;
        seen[p] = (token <= last) & (token >= first);
        /* What lies in unwritten places may be anything, NaN too. */
        numbers[p] = (vec)(((ivec)numbers[p] & seen[p]) | ((ivec)all(LOWEST) & ~seen[p]));
        now = larger_of(numbers[p], now);
    }
    const float top = largest(now);
    if (top > sums->most[row]) {
        const float before = expf(sums->most[row] - top);
        sums->total[row] *= before;
        for (int v = 0; v < plan->dim / LANES; v++) sums->out[row][v] *= before;
        sums->most[row] = top;
    }
    UNROLL for (int p = 0; p < SPAN * PARTS; p++) {
        const vec weight = (vec)((ivec)exponential(numbers[p] - sums->most[row]) & seen[p]);
        added += kept_weight(weight, weights + p * LANES);
    }
    sums->total[row] += added;
}

/* Values of so many tokens, by their weights: some vectors of each row. */
INLINE void add(
    const struct span *span, int dim, int tokens, ELEMENT weights[][SPAN * BLOCK], struct sums *sums, int first,
    const int rows, const int vectors) {
    vec part[TILE][SUMS];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) part[r][v] = sums->out[r][first + v];
    for (int block = 0; block * BLOCK < tokens; block++) {
        const int place = first * LANES * A_WORD;
        const ELEMENT *values = span->values[block] + place, *next = span->next_keys[block] + place * BLOCK / A_WORD;
        const int begin = block * BLOCK, end = begin + BLOCK < tokens ? begin + BLOCK : tokens;
        for (int token = begin; token < end; token += A_WORD, values += A_WORD * dim, next += A_WORD * vectors * LANES) {
            vec value[SUMS]; /* words */
            UNROLL for (int word = 0; word < A_WORD; word++) __builtin_prefetch(next + word * vectors * LANES, 0, 2);
            UNROLL for (int v = 0; v < vectors; v++) memcpy(value + v, values + v * LANES * A_WORD, sizeof(vec));
            UNROLL for (int r = 0; r < rows; r++)
                UNROLL for (int v = 0; v < vectors; v++) part[r][v] = plus_product(part[r][v], weights[r] + token, value[v]);
        }
    }
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < vectors; v++) sums->out[r][first + v] = part[r][v];
}

/* place: of the first token. blocks: that there are. */
INLINE void span_of(
    const struct plan *plan, const struct attended *layer, const struct span *span, ELEMENT query[][MOST_DIM], int place,
    const int *first, const int *last, struct sums *sums, int blocks, const int rows) {
    float scores[TILE][SPAN * BLOCK] __attribute__((aligned(64)));
    ELEMENT weights[TILE][SPAN * BLOCK] __attribute__((aligned(64)));
    score(span, plan->dim, query, scores, rows);
    UNROLL for (int r = 0; r < rows; r++) {
        const int seen = last[r] - place < blocks * BLOCK ? last[r] - place : blocks * BLOCK - 1;
        weigh(plan, layer, scores[r], weights[r], first[r] - place, seen, sums, r);
    }
    const int left = last[rows - 1] - place + 1, tokens = left < blocks * BLOCK ? left : blocks * BLOCK;
    int vector = 0;
    for (; vector + VECTORS <= plan->dim / LANES; vector += VECTORS)
        add(span, plan->dim, tokens, weights, sums, vector, rows, VECTORS);
    for (; vector < plan->dim / LANES; vector += PARTS) add(span, plan->dim, tokens, weights, sums, vector, rows, PARTS);
}

/* Rows `from … to-1` of a chunk and key/value head; row r is query head r % group of token r / group. */
struct task {
    int chunk, head, from, to;
    const ELEMENT *upcoming[SPAN]; /* the first keys of what is computed next */
};

/* The first token that the row sees. */
INLINE int first_seen(const struct plan *plan, const struct attended *layer, int chunk, int row) {
    const int token = plan->starts[chunk] + row / (plan->query_heads / plan->kv_heads);
    return layer->window && token >= layer->window ? token - layer->window + 1 : 0;
}

/* Rows `from … from+rows-1`. */
INLINE void tile(
    const struct plan *plan, const struct attended *layer, const struct task *task, int from, const int rows) {
    const int dim = plan->dim, group = plan->query_heads / plan->kv_heads, chunk = task->chunk, head = task->head;
    const int start = plan->starts[chunk], first_row = plan->first_rows[chunk];
    const ELEMENT *keys = layer->keys, *values = layer->values;
    ELEMENT query[TILE][MOST_DIM] __attribute__((aligned(64)));
    struct sums sums;
    int last[TILE], first[TILE];

    for (int r = 0; r < rows; r++) {
        const int token = (from + r) / group, member = head * group + (from + r) % group;
        const ELEMENT *source = (const ELEMENT *)layer->query + (int64_t)member * layer->query_head +
                                (int64_t)(first_row + token) * layer->query_token;
        memcpy(query[r], source, dim * sizeof(ELEMENT));
        for (int v = 0; v < dim / LANES; v++) sums.out[r][v] = (vec){0};
        last[r] = start + token;
        first[r] = first_seen(plan, layer, chunk, from + r);
        sums.most[r] = layer->sinks ? layer->sinks[member] : LOWEST;
        sums.total[r] = (vec){layer->sinks ? 1 : 0};
    }
    const int end = last[rows - 1] / BLOCK + 1;
    for (int begin = first[0] / BLOCK, next; begin < end; begin = next) {
        next = (begin / SPAN + 1) * SPAN;
        if (next > end) next = end;
        struct span span;
        for (int b = 0; b < SPAN; b++) {
            const int64_t place = place_of(plan, chunk, head, begin + b < next ? begin + b : begin);
            span.keys[b] = keys + place;
            span.values[b] = values + place;
            span.next_keys[b] = next + b < end ? keys + place_of(plan, chunk, head, next + b) : task->upcoming[b];
        }
        span_of(plan, layer, &span, query, begin * BLOCK, first, last, &sums, next - begin, rows);
    }
    for (int r = 0; r < rows; r++) {
        const int token = (from + r) / group, member = head * group + (from + r) % group;
        ELEMENT *target =
            (ELEMENT *)layer->output + ((int64_t)(first_row + token) * plan->query_heads + member) * dim;
        const float whole = sum(sums.total[r]);
        for (int d = 0; d < dim; d++) target[d] = narrow(((float *)sums.out[r])[d] / whole);
    }
}

static void rows_of(const struct plan *plan, const struct attended *layer, const struct task *task) {
    int from = task->from;
    for (; task->to - from >= TILE; from += TILE) tile(plan, layer, task, from, TILE);
    switch (task->to - from) { /* constants, so that each size has its own loops with everything in registers */
    case 1: tile(plan, layer, task, from, 1); break;
    case 2: tile(plan, layer, task, from, 2); break;
    case 3: tile(plan, layer, task, from, 3); break;
    case 4: tile(plan, layer, task, from, 4); break;
    case 5: tile(plan, layer, task, from, 5); break;
    }
}

struct attention {
    const struct plan *plan;
    const struct attended *layer;
    int64_t pairs, pieces; /* of a task and a key/value head */
};

static void store_piece(const void *work, int64_t pair, int who) {
    const struct attention *all = work;
    const int heads = all->plan->kv_heads;
    store(all->plan, all->layer, pair / heads, pair % heads);
}

static struct task task_of(const struct attention *all, int64_t pair) {
    const struct plan *plan = all->plan;
    const int number = pair / plan->kv_heads;
    return (struct task){plan->task_chunks[number], pair % plan->kv_heads, plan->task_froms[number], plan->task_tos[number]};
}

/* Where the first keys lie that it reads. */
static void find_first(const struct attention *all, struct task task, const ELEMENT *keys[SPAN]) {
    const struct plan *plan = all->plan;
    const int first = first_seen(plan, all->layer, task.chunk, task.from) / BLOCK;
    const int last = (plan->starts[task.chunk] + plan->counts[task.chunk] - 1) / BLOCK;
    for (int b = 0; b < SPAN; b++)
        keys[b] = (const ELEMENT *)all->layer->keys +
                  place_of(plan, task.chunk, task.head, first + b < last ? first + b : last);
}

static void attend_piece(const void *work, int64_t piece, int who) {
    const struct attention *all = work;
    const struct plan *plan = all->plan;
    const int64_t end = all->pairs * (piece + 1) / all->pieces;
    for (int64_t pair = all->pairs * piece / all->pieces; pair < end; pair++) {
        struct task task = task_of(all, pair);
        find_first(all, task_of(all, pair + 1 < end ? pair + 1 : pair), task.upcoming);
        if (plan->tasks == plan->chunks) store(plan, all->layer, task.chunk, task.head);
        rows_of(plan, all->layer, &task);
    }
}

void attend(const struct plan *plan, const struct attended *layer) {
    struct attention all = {plan, layer, (int64_t)plan->tasks * plan->kv_heads};
    const int64_t most = (int64_t)plan->threads * PIECES_A_THREAD;
    all.pieces = all.pairs < most ? all.pairs : most;
    if (plan->tasks > plan->chunks) { /* all of a chunk's keys must be there before others compute its later rows */
        const int last = plan->chunks - 1;
        const int64_t tokens = plan->first_rows[last] + plan->counts[last];
        const int is_worth_sharing = 2 * tokens * plan->kv_heads * plan->dim >= WORTH_SHARING;
        in_pieces(is_worth_sharing ? plan->threads : 1, (int64_t)plan->chunks * plan->kv_heads, store_piece, &all);
    }
    in_pieces(plan->threads, all.pieces, attend_piece, &all);
}
