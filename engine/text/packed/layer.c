/* One decoder layer of Llama's kind for few rows, with packed weights. Built and called by layer.py.

   What lies between the matrices takes microseconds, and as many operators of a library would take longer than the
   matrices themselves. Matrices and attention are functions of the kernels' other files, handed in as pointers.

   Everything is float. Rows follow one another, `hidden` numbers each. */

#include <math.h>
#include <stdint.h>
#include <string.h>

struct attended { /* `struct layer` of paged.c */
    const void *query, *key, *value;
    int64_t query_head, query_token, key_head, key_token, value_head, value_token;
    void *keys, *values, *output;
    const float *sinks;
    float scale, softcap;
    int32_t window;
};

struct layer {
    int32_t hidden, inner, query_heads, kv_heads, dim, window;
    float epsilon, scale;
    const float *norm_before, *norm_between, *query_norm, *key_norm; /* the last two: null where heads aren't normed */
    const float *bias; /* of queries, keys and values, or null */
    const void *packed, *output, *gate, *down; /* `struct weights` of packed.c: queries, keys and values; gates and ups */
    void *keys, *values; /* the cache */
    int (*multiply)(const void *weights, int rows, const float *input, float *output);
    void (*attend)(const void *plan, const struct attended *layer);
};

static void norm(const float *row, const float *weight, float *output, int columns, float epsilon) {
    float squares = 0;
    #pragma omp simd reduction(+ : squares)
    for (int i = 0; i < columns; i++) squares += row[i] * row[i];
    const float scale = 1 / sqrtf(squares / columns + epsilon);
    for (int i = 0; i < columns; i++) output[i] = row[i] * scale * weight[i];
}

/* cos and sin have equal halves. */
static void turn(float *head, const float *cosine, const float *sine, int half) {
    for (int i = 0; i < half; i++) {
        const float low = head[i], high = head[i + half];
        head[i] = low * cosine[i] - high * sine[i];
        head[i + half] = high * cosine[i] + low * sine[i];
    }
}

static void turn_all(const struct layer *layer, float *packed, const float *cosine, const float *sine) {
    const int dim = layer->dim, heads = layer->query_heads + layer->kv_heads;
    for (int head = 0; head < heads; head++, packed += dim) {
        const float *weight = head < layer->query_heads ? layer->query_norm : layer->key_norm;
        if (weight) norm(packed, weight, packed, dim, layer->epsilon);
        turn(packed, cosine, sine, dim / 2);
    }
}

static void add(float *to, const float *numbers, int64_t count) {
    for (int64_t i = 0; i < count; i++) to[i] += numbers[i];
}

/* rows of `hidden` are changed in place. cos, sin: [rows][dim]. room: what `room_of` says. False: there is no memory. */
int forward(
    const struct layer *layer, int rows, float *hidden, const float *cosine, const float *sine, const void *plan,
    float *room) {
    const int64_t columns = layer->hidden, inner = layer->inner, dim = layer->dim;
    const int64_t width = (layer->query_heads + 2 * layer->kv_heads) * dim, own = layer->query_heads * dim;
    float *normed = room, *packed = normed + rows * columns, *attended = packed + rows * width;
    for (int row = 0; row < rows; row++)
        norm(hidden + row * columns, layer->norm_before, normed + row * columns, columns, layer->epsilon);
    if (!layer->multiply(layer->packed, rows, normed, packed)) return 0;
    for (int row = 0; row < rows; row++) {
        if (layer->bias) add(packed + row * width, layer->bias, width);
        turn_all(layer, packed + row * width, cosine + row * dim, sine + row * dim);
    }
    const struct attended asked = {
        packed, packed + own, packed + own + layer->kv_heads * dim, dim, width, dim, width, dim, width,
        layer->keys, layer->values, attended, NULL, layer->scale, 0, layer->window};
    layer->attend(plan, &asked);
    if (!layer->multiply(layer->output, rows, attended, normed)) return 0;
    add(hidden, normed, rows * columns);

    float *both = packed, *gated = packed + 2 * rows * inner;
    for (int row = 0; row < rows; row++)
        norm(hidden + row * columns, layer->norm_between, normed + row * columns, columns, layer->epsilon);
    if (!layer->multiply(layer->gate, rows, normed, both)) return 0;
    for (int row = 0; row < rows; row++) {
        const float *gates = both + 2 * row * inner, *ups = gates + inner;
        for (int64_t i = 0; i < inner; i++) gated[row * inner + i] = gates[i] / (1 + expf(-gates[i])) * ups[i];
    }
    if (!layer->multiply(layer->down, rows, gated, normed)) return 0;
    add(hidden, normed, rows * columns);
    return 1;
}

/* Numbers that `forward` needs room for. */
int64_t room_of(const struct layer *layer, int rows) {
    const int64_t heads = 2 * (layer->query_heads + layer->kv_heads), attention = heads * layer->dim;
    const int64_t inner = 3 * (int64_t)layer->inner;
    return rows * (layer->hidden + (attention > inner ? attention : inner));
}
