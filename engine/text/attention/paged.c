/* Attention over a paged key/value cache, for the CPU. Built and called by native.py.

   One call handles one layer of one step. For every chunk (tokens `start … start+count-1` of one sequence) it first
   writes the new keys and values into the chunk's blocks, then computes attention with an online softmax (Milakov and
   Gimelshein, 2018; the loop of FlashAttention), block by block, so nothing but a few rows is kept beside the cache.

   A block holds BLOCK tokens. Keys lie transposed in it, [head_dim][BLOCK]: the scores of a query with a whole block are
   then one vector or a few, with no sum across lanes. Vectors are as wide as the machine's registers and no wider: what
   GCC makes of wider ones goes through memory, and was four times as slow. Values lie as they come, [BLOCK][head_dim]. Query heads that share a
   key/value head are rows of one tile, so each key is read once for all of them.

   ELEMENT is float, or bfloat16 as uint16_t; everything is computed in float. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "../pool.h"
#include "paged.h"

#define BLOCK 16
#define MOST_DIM 256
#define TILE 6  /* rows at a time: 6 rows of 16 floats are 12 of the 16 registers of AVX2 */
#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
#define PARTS (BLOCK / LANES) /* vectors that hold a number for each token of a block */
#define LOWEST -1e30f
#define UNROLL _Pragma("GCC unroll 6")

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int32_t ivec __attribute__((vector_size(4 * LANES)));

struct plan {
    int32_t chunks, query_heads, kv_heads, dim, threads;
    int32_t table_stride; /* block numbers a row of `tables` holds */
    const int32_t *tables, *starts, *counts, *first_rows;
    /* The work, in pieces that one thread takes at once: rows `task_froms … task_tos-1` of a chunk. */
    int32_t tasks, padding;
    const int32_t *task_chunks, *task_froms, *task_tos;
};

#ifdef BFLOAT16
typedef uint16_t half_vec __attribute__((vector_size(2 * LANES)));
typedef uint32_t uvec __attribute__((vector_size(4 * LANES)));

static inline vec load(const ELEMENT *from) {
    half_vec raw;
    memcpy(&raw, from, sizeof raw);
    return (vec)(__builtin_convertvector(raw, uvec) << 16);
}
#else
static inline vec load(const ELEMENT *from) {
    vec numbers;
    memcpy(&numbers, from, sizeof numbers);
    return numbers;
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

static void store(const struct plan *plan, const struct attended *layer, int chunk, int head) {
    const int dim = plan->dim, start = plan->starts[chunk], first = plan->first_rows[chunk];
    const int32_t *table = plan->tables + (int64_t)chunk * plan->table_stride;
    for (int token = 0; token < plan->counts[chunk]; token++) {
        const int place = start + token;
        const int64_t block = ((int64_t)table[place / BLOCK] * plan->kv_heads + head) * BLOCK * dim;
        const ELEMENT *key = (const ELEMENT *)layer->key + head * layer->key_head + (first + token) * layer->key_token;
        const ELEMENT *value =
            (const ELEMENT *)layer->value + head * layer->value_head + (first + token) * layer->value_token;
        ELEMENT *keys = (ELEMENT *)layer->keys + block + place % BLOCK;
        for (int d = 0; d < dim; d++) keys[d * BLOCK] = key[d];
        memcpy((ELEMENT *)layer->values + block + (int64_t)(place % BLOCK) * dim, value, dim * sizeof(ELEMENT));
    }
}

/* Rows `from … from+rows-1` of a chunk and key/value head; row r is query head r % group of token r / group. */
static inline __attribute__((always_inline)) void tile(
    const struct plan *plan, const struct attended *layer, int chunk, int head, int from, const int rows) {
    const int dim = plan->dim, group = plan->query_heads / plan->kv_heads;
    const int start = plan->starts[chunk], first_row = plan->first_rows[chunk];
    const int32_t *table = plan->tables + (int64_t)chunk * plan->table_stride;
    float query[TILE][MOST_DIM] __attribute__((aligned(64)));
    vec out[TILE][MOST_DIM / LANES];
    float most[TILE], total[TILE];
    int last[TILE], first[TILE];

    for (int r = 0; r < rows; r++) {
        const int token = (from + r) / group, member = head * group + (from + r) % group;
        const ELEMENT *source = (const ELEMENT *)layer->query + (int64_t)member * layer->query_head +
                                (int64_t)(first_row + token) * layer->query_token;
        for (int d = 0; d < dim; d++) query[r][d] = widen(source[d]) * layer->scale;
        for (int v = 0; v < dim / LANES; v++) out[r][v] = (vec){0};
        last[r] = start + token;
        first[r] = layer->window && last[r] >= layer->window ? last[r] - layer->window + 1 : 0;
        most[r] = layer->sinks ? layer->sinks[member] : LOWEST;
        total[r] = layer->sinks ? 1 : 0;
    }
    ivec lanes;
    for (int lane = 0; lane < LANES; lane++) lanes[lane] = lane;
    for (int block = first[0] / BLOCK; block <= last[rows - 1] / BLOCK; block++) {
        const int64_t offset = ((int64_t)table[block] * plan->kv_heads + head) * BLOCK * dim;
        const ELEMENT *keys = (const ELEMENT *)layer->keys + offset;
        const ELEMENT *values = (const ELEMENT *)layer->values + offset;
        const int place = block * BLOCK;
        vec scores[TILE][PARTS];
        float weights[TILE][BLOCK];

        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int p = 0; p < PARTS; p++) scores[r][p] = (vec){0};
        for (int d = 0; d < dim; d++) {
            vec key[PARTS];
            UNROLL for (int p = 0; p < PARTS; p++) key[p] = load(keys + d * BLOCK + p * LANES);
            UNROLL for (int r = 0; r < rows; r++)
                UNROLL for (int p = 0; p < PARTS; p++) scores[r][p] += query[r][d] * key[p];
        }
        UNROLL for (int r = 0; r < rows; r++) {
            vec now = all(LOWEST);
            UNROLL for (int p = 0; p < PARTS; p++) {
                if (layer->softcap)
                    for (int lane = 0; lane < LANES; lane++)
                        scores[r][p][lane] = tanhf(scores[r][p][lane] / layer->softcap) * layer->softcap;
                const ivec token = lanes + (place + p * LANES), seen = (token <= last[r]) & (token >= first[r]);
                /* What lies in unwritten places may be anything, NaN too. */
                scores[r][p] = (vec)(((ivec)scores[r][p] & seen) | ((ivec)all(LOWEST) & ~seen));
                now = larger_of(scores[r][p], now);
            }
            const float top = largest(now), larger = top > most[r] ? top : most[r];
            if (larger != most[r]) {
                const float before = expf(most[r] - larger);
                total[r] *= before;
                for (int v = 0; v < dim / LANES; v++) out[r][v] *= before;
                most[r] = larger;
            }
            vec added = {0};
            UNROLL for (int p = 0; p < PARTS; p++) {
                const ivec token = lanes + (place + p * LANES), seen = (token <= last[r]) & (token >= first[r]);
                const vec weight = (vec)((ivec)exponential(scores[r][p] - larger) & seen);
                memcpy(weights[r] + p * LANES, &weight, sizeof weight);
                added += weight;
            }
            total[r] += sum(added);
        }
        const int left = last[rows - 1] - place + 1, tokens = left < BLOCK ? left : BLOCK;
        for (int v = 0; v < dim / LANES; v += PARTS) {
            vec part[TILE][PARTS];
            UNROLL for (int r = 0; r < rows; r++) UNROLL for (int p = 0; p < PARTS; p++) part[r][p] = out[r][v + p];
            for (int token = 0; token < tokens; token++) {
                vec value[PARTS];
                UNROLL for (int p = 0; p < PARTS; p++) value[p] = load(values + token * dim + (v + p) * LANES);
                UNROLL for (int r = 0; r < rows; r++)
                    UNROLL for (int p = 0; p < PARTS; p++) part[r][p] += weights[r][token] * value[p];
            }
            UNROLL for (int r = 0; r < rows; r++) UNROLL for (int p = 0; p < PARTS; p++) out[r][v + p] = part[r][p];
        }
    }
    for (int r = 0; r < rows; r++) {
        const int token = (from + r) / group, member = head * group + (from + r) % group;
        ELEMENT *target =
            (ELEMENT *)layer->output + ((int64_t)(first_row + token) * plan->query_heads + member) * dim;
        for (int d = 0; d < dim; d++) target[d] = narrow(((float *)out[r])[d] / total[r]);
    }
}

static void rows_of(const struct plan *plan, const struct attended *layer, int chunk, int head, int from, int to) {
    for (; to - from >= TILE; from += TILE) tile(plan, layer, chunk, head, from, TILE);
    switch (to - from) { /* constants, so that each size has its own loops with everything in registers */
    case 1: tile(plan, layer, chunk, head, from, 1); break;
    case 2: tile(plan, layer, chunk, head, from, 2); break;
    case 3: tile(plan, layer, chunk, head, from, 3); break;
    case 4: tile(plan, layer, chunk, head, from, 4); break;
    case 5: tile(plan, layer, chunk, head, from, 5); break;
    }
}

struct attention {
    const struct plan *plan;
    const struct attended *layer;
};

static void store_piece(const void *work, int64_t pair, int who) {
    const struct attention *all = work;
    const int heads = all->plan->kv_heads;
    store(all->plan, all->layer, pair / heads, pair % heads);
}

static void attend_piece(const void *work, int64_t pair, int who) {
    const struct attention *all = work;
    const struct plan *plan = all->plan;
    const int task = pair / plan->kv_heads, head = pair % plan->kv_heads;
    rows_of(plan, all->layer, plan->task_chunks[task], head, plan->task_froms[task], plan->task_tos[task]);
}

void attend(const struct plan *plan, const struct attended *layer) {
    const struct attention all = {plan, layer};
    const int last = plan->chunks - 1;
    const int64_t tokens = plan->first_rows[last] + plan->counts[last];
    const int is_worth_sharing = 2 * tokens * plan->kv_heads * plan->dim >= WORTH_SHARING;
    /* All of a chunk's keys must be there before its later rows are computed. */
    in_pieces(is_worth_sharing ? plan->threads : 1, (int64_t)plan->chunks * plan->kv_heads, store_piece, &all);
    in_pieces(plan->threads, (int64_t)plan->tasks * plan->kv_heads, attend_piece, &all);
}
