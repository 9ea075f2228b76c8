/* One decoder layer of Llama's kind, with packed weights. Built and called by layer.py.

   What lies between the matrices takes microseconds, and as many operators of a library would take longer than the
   matrices themselves. Matrices and attention are functions of the kernels' other files, handed in as pointers.

   ELEMENT, float or bfloat16 as uint16_t, is what rows come in and what the cache keeps; everything is computed in float.
   Rows follow one another, `hidden` numbers each. */

#include <math.h>
#include <stdint.h>

#include "../attention/paged.h"
#include "../pool.h"

struct layer {
    int32_t hidden, inner, query_heads, kv_heads, dim, window, threads, padding;
    float epsilon, scale;
    const float *norm_before, *norm_between, *query_norm, *key_norm; /* the last two: null where heads aren't normed */
    const float *bias; /* of queries, keys and values, or null */
    const void *packed, *output, *gate, *down; /* `struct weights` of packed.c: queries, keys and values; gates and ups */
    void *keys, *values; /* the cache */
    int (*multiply)(const void *weights, int rows, const float *input, float *output);
    void (*attend)(const void *plan, const struct attended *layer);
};

/* Of numbers that aren't too large: 2^n · 2^f with a polynomial on [-½, ½], relative error below 2e-7 (Cephes' expf). A
   loop of it becomes vectors. What it makes of NaN is of no matter here. */
static inline float exponential(float x) {
    x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    const float n = (x * 1.44269504f + 12582912.0f) - 12582912.0f; /* 1.5 · 2^23: rounds to the nearest integer */
    const float f = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * f + 1.3981999507e-3f;
    p = p * f + 8.3334519073e-3f;
    p = p * f + 4.1665795894e-2f;
    p = p * f + 1.6666665459e-1f;
    p = p * f + 5.0000001201e-1f;
    p = p * f * f + f + 1.0f;
    union { float number; int32_t bits; } result = {p};
    result.bits += (int32_t)n << 23;
    return result.number;
}

/* silu(gate) · up */
static void gate(const float *gates, const float *ups, float *output, int64_t count) {
    #pragma omp simd
    for (int64_t i = 0; i < count; i++) output[i] = gates[i] / (1 + exponential(-gates[i])) * ups[i];
}

static void norm(const float *row, const float *weight, float *output, int columns, float epsilon) {
    float squares = 0;
    #pragma omp simd reduction(+ : squares)
    for (int i = 0; i < columns; i++) squares += row[i] * row[i];
    const float scale = 1 / sqrtf(squares / columns + epsilon);
    #pragma omp simd
    for (int i = 0; i < columns; i++) output[i] = row[i] * scale * weight[i];
}

/* cos and sin have equal halves. */
static void turn(float *head, const ELEMENT *cosine, const ELEMENT *sine, int half) {
    #pragma omp simd
    for (int i = 0; i < half; i++) {
        const float low = head[i], high = head[i + half], c = widen(cosine[i]), s = widen(sine[i]);
        head[i] = low * c - high * s;
        head[i + half] = high * c + low * s;
    }
}

static void turn_all(const struct layer *layer, float *packed, const ELEMENT *cosine, const ELEMENT *sine) {
    const int dim = layer->dim, heads = layer->query_heads + layer->kv_heads;
    for (int head = 0; head < heads; head++, packed += dim) {
        const float *weight = head < layer->query_heads ? layer->query_norm : layer->key_norm;
        if (weight) norm(packed, weight, packed, dim, layer->epsilon);
        turn(packed, cosine, sine, dim / 2);
    }
}

static void add(float *to, const float *numbers, int64_t count) {
    #pragma omp simd
    for (int64_t i = 0; i < count; i++) to[i] += numbers[i];
}

static void widen_all(const ELEMENT *from, float *to, int64_t count) {
    #pragma omp simd
    for (int64_t i = 0; i < count; i++) to[i] = widen(from[i]);
}

static void narrow_all(const float *from, ELEMENT *to, int64_t count) {
    #pragma omp simd
    for (int64_t i = 0; i < count; i++) to[i] = narrow(from[i]);
}

/* What is computed in. Queries, keys and values make place for gates and ups, which need more room. */
struct room {
    float *hidden, *normed, *packed, *attended, *gated;
    ELEMENT *halves, *seen; /* queries, keys and values; what attention makes of them */
};

static int64_t width_of(const struct layer *layer) {
    return (layer->query_heads + 2 * (int64_t)layer->kv_heads) * layer->dim;
}

static struct room room_in(const struct layer *layer, int64_t count, float *room) {
    const int64_t own = (int64_t)layer->query_heads * layer->dim, width = width_of(layer);
    float *normed = room + count * layer->hidden, *packed = normed + count * layer->hidden;
    float *attended = packed + count * width;
    ELEMENT *halves = (ELEMENT *)(attended + count * own);
    return (struct room){room, normed, packed, attended, packed + 2 * count * layer->inner, halves, halves + count * width};
}

/* Numbers that a step needs room for. */
int64_t room_of(const struct layer *layer, int count) {
    const int64_t own = (int64_t)layer->query_heads * layer->dim;
    const int64_t attention = 2 * (width_of(layer) + own), inner = 3 * (int64_t)layer->inner;
    return count * (2 * layer->hidden + (attention > inner ? attention : inner));
}

/* What is done with each row between the matrices. */
struct rows {
    const struct layer *layer;
    struct room room;
    ELEMENT *rows;
    const ELEMENT *cosine, *sine; /* [count][dim] */
    int64_t count, pieces;
    void (*each)(const struct rows *all, int64_t row);
};

static void begin_row(const struct rows *all, int64_t row) {
    const int64_t columns = all->layer->hidden, at = row * columns;
    widen_all(all->rows + at, all->room.hidden + at, columns);
    norm(all->room.hidden + at, all->layer->norm_before, all->room.normed + at, columns, all->layer->epsilon);
}

static void turn_row(const struct rows *all, int64_t row) {
    const struct layer *layer = all->layer;
    const int64_t dim = layer->dim, width = width_of(layer);
    float *packed = all->room.packed + row * width;
    if (layer->bias) add(packed, layer->bias, width);
    turn_all(layer, packed, all->cosine + row * dim, all->sine + row * dim);
    narrow_all(packed, all->room.halves + row * width, width);
}

static void widen_row(const struct rows *all, int64_t row) {
    const int64_t own = (int64_t)all->layer->query_heads * all->layer->dim;
    widen_all(all->room.seen + row * own, all->room.attended + row * own, own);
}

static void add_and_norm_row(const struct rows *all, int64_t row) {
    const int64_t columns = all->layer->hidden, at = row * columns;
    add(all->room.hidden + at, all->room.normed + at, columns);
    norm(all->room.hidden + at, all->layer->norm_between, all->room.normed + at, columns, all->layer->epsilon);
}

static void gate_row(const struct rows *all, int64_t row) {
    const int64_t inner = all->layer->inner;
    const float *both = all->room.packed + 2 * row * inner;
    gate(both, both + inner, all->room.gated + row * inner, inner);
}

static void end_row(const struct rows *all, int64_t row) {
    const int64_t columns = all->layer->hidden, at = row * columns;
    add(all->room.hidden + at, all->room.normed + at, columns);
    narrow_all(all->room.hidden + at, all->rows + at, columns);
}

static void some_rows(const void *work, int64_t piece, int who) {
    const struct rows *all = work;
    const int64_t end = all->count * (piece + 1) / all->pieces;
    for (int64_t row = all->count * piece / all->pieces; row < end; row++) all->each(all, row);
}

static void each_row(struct rows *all, void (*each)(const struct rows *all, int64_t row), int64_t columns) {
    all->each = each;
    all->pieces = pieces_of_rows(all->layer->threads, all->count, all->count * columns);
    in_pieces(all->layer->threads, all->pieces, some_rows, all);
}

/* `rows` are changed in place. cosine, sine: [rows][dim]. False: there is no memory. */
int forward(
    const struct layer *layer, int count, ELEMENT *rows, const ELEMENT *cosine, const ELEMENT *sine, const void *plan,
    float *numbers) {
    const int64_t columns = layer->hidden, dim = layer->dim, width = width_of(layer);
    const int64_t own = layer->query_heads * dim, keys = layer->kv_heads * dim;
    const struct room room = room_in(layer, count, numbers);
    struct rows all = {layer, room, rows, cosine, sine, count};
    each_row(&all, begin_row, columns);
    if (!layer->multiply(layer->packed, count, room.normed, room.packed)) return 0;
    each_row(&all, turn_row, width);

    const struct attended asked = {
        room.halves, room.halves + own, room.halves + own + keys, dim, width, dim, width, dim, width, layer->keys,
        layer->values, room.seen, NULL, layer->scale, 0, layer->window};
    layer->attend(plan, &asked);
    each_row(&all, widen_row, own);
    if (!layer->multiply(layer->output, count, room.attended, room.normed)) return 0;
    each_row(&all, add_and_norm_row, columns);
    if (!layer->multiply(layer->gate, count, room.normed, room.packed)) return 0;
    each_row(&all, gate_row, 4 * (int64_t)layer->inner); /* an exponential and a division each */
    if (!layer->multiply(layer->down, count, room.gated, room.normed)) return 0;
    each_row(&all, end_row, columns);
    return 1;
}
