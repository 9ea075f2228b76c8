/* Part of packed.c: weights in full, as floats or, where that loses nothing, as bfloat16. Everything is added up in float.

   For processors that multiply bfloat16 its weights lie in twos, those of two inputs in a word of 32 bits, and rows of
   input are rounded to such words too: one instruction adds both products. In what follows a step is an input or two,
   which take the same room but where bfloat16 is widened.

   A result is summed over the inputs in their order, in one register, whatever is computed beside it: a row gives the
   same numbers alone as among others. Additions of one sum wait for each other, so where rows are few, more features are
   computed at a time.

   What is computed in registers is a tile: some rows of input and some pairs of vectors of features. Inputs are turned
   first, so that those of a tile's rows lie side by side. */

#define PAIR (2 * LANES) /* features */
#define PAIRS (FEATURES / PAIR) /* of a block */
#define MOST_PAIRS 4
#if LANES == 16
#define TILE_ROWS 12 /* 24 sums, 2 weights and an input are 27 of 32 registers */
#else
#define TILE_ROWS 6 /* 12 of 16 */
#endif
#define AHEAD 32 /* steps that weights are fetched before they are needed, across the pages at which the processor stops */
#define WIDENED_FROM 3 /* tiles: for so many, weights are widened once, not in each */

enum kept { WHOLE, HALVES, TWOS }; /* floats; bfloat16; bfloat16 of two inputs in a word */

struct tiles {
    int rows, count;
    const float *inputs; /* turned */
};

INLINE enum kept kept_of(const struct weights *weights) {
    return weights->bits == 32 ? WHOLE : weights->in_twos ? TWOS : HALVES;
}

INLINE int64_t steps_of(const struct weights *weights) {
    return weights->in_twos ? (weights->inputs + 1) / 2 : weights->inputs;
}

INLINE int bytes_of(const enum kept kept) { return kept == HALVES ? 2 : 4; } /* of a step */

INLINE int first_row(const struct tiles *tiles, int tile) { return (int64_t)tiles->rows * tile / tiles->count; }

/* How many pairs are computed at a time, so that registers are full and sums many. */
static int pairs_for(int rows) { return rows > TILE_ROWS / 2 ? 1 : rows > TILE_ROWS / 4 ? 2 : MOST_PAIRS; }

INLINE vec weight_at(const void *weights, int64_t place, const enum kept kept) {
    if (kept == HALVES) return widened((const uint16_t *)weights + place);
    vec numbers;
    memcpy(&numbers, (const float *)weights + place, sizeof numbers);
    return numbers;
}

INLINE vec plus_product(vec sum, const float *input, vec weights, const enum kept kept) {
    return kept == TWOS ? plus_twos(sum, input, weights) : sum + *input * weights;
}

/* left: features that there are from the first one on; `block` numbers lie between a block's weights and the next ones. */
INLINE void tile_in_full(
    const void *weights, int64_t block, int64_t steps, const float *input, float *output, int64_t features, int64_t left,
    const enum kept kept, const int rows, const int pairs) {
    vec sums[MOST_PAIRS][TILE_ROWS][2];
    UNROLL for (int p = 0; p < pairs; p++)
        UNROLL for (int r = 0; r < rows; r++) sums[p][r][0] = sums[p][r][1] = (vec){0};
    for (int64_t i = 0; i < steps; i++, input += rows)
        UNROLL for (int p = 0; p < pairs; p++) {
            const int64_t place = p / PAIRS * block + i * FEATURES + p % PAIRS * PAIR;
            const vec low = weight_at(weights, place, kept), high = weight_at(weights, place + LANES, kept);
            const char *ahead = (const char *)weights + (place + AHEAD * FEATURES) * bytes_of(kept);
            __builtin_prefetch(ahead, 0, 2);
            if (kept != HALVES) __builtin_prefetch(ahead + PAIR * bytes_of(kept) / 2, 0, 2);
            UNROLL for (int r = 0; r < rows; r++) {
                sums[p][r][0] = plus_product(sums[p][r][0], input + r, low, kept);
                sums[p][r][1] = plus_product(sums[p][r][1], input + r, high, kept);
            }
        }
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int p = 0; p < pairs; p++) {
            const int64_t wanted = left - p * PAIR;
            float *to = output + r * features + p * PAIR;
            if (wanted >= PAIR)
                memcpy(to, sums[p][r], PAIR * sizeof(float));
            else if (wanted > 0)
                memcpy(to, sums[p][r], wanted * sizeof(float));
        }
}

#define OF(kept, r, p) tile_in_full(weights, block, steps, input, output, features, left, kept, r, p)
#define ROWS_OF(r, p) \
    case r: \
        if (kept == TWOS) OF(TWOS, r, p); \
        else if (kept == HALVES) OF(HALVES, r, p); \
        else OF(WHOLE, r, p); \
        return

/* The same with constants, so that each shape has its own loops with everything in registers. */
static void tile_of_shape(
    const void *weights, int64_t block, int64_t steps, const float *input, float *output, int64_t features, int64_t left,
    enum kept kept, int rows, int pairs) {
    switch (pairs) {
    case 4:
        switch (rows) {
            ROWS_OF(1, 4);
#if TILE_ROWS == 12
            ROWS_OF(2, 4); ROWS_OF(3, 4);
#endif
        }
        return;
    case 2:
        switch (rows) {
            ROWS_OF(1, 2); ROWS_OF(2, 2); ROWS_OF(3, 2);
#if TILE_ROWS == 12
            ROWS_OF(4, 2); ROWS_OF(5, 2); ROWS_OF(6, 2);
#endif
        }
        return;
    case 1:
        switch (rows) {
            ROWS_OF(1, 1); ROWS_OF(2, 1); ROWS_OF(3, 1); ROWS_OF(4, 1); ROWS_OF(5, 1); ROWS_OF(6, 1);
#if TILE_ROWS == 12
            ROWS_OF(7, 1); ROWS_OF(8, 1); ROWS_OF(9, 1); ROWS_OF(10, 1); ROWS_OF(11, 1); ROWS_OF(12, 1);
#endif
        }
    }
}

typedef float four __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t places __attribute__((vector_size(16)));

/* Four steps of four rows: each step's numbers side by side. */
INLINE void turn_four(const float *from, int64_t steps, float *to, int64_t rows) {
    const four *a = (const four *)from, *b = (const four *)(from + steps);
    const four *c = (const four *)(from + 2 * steps), *d = (const four *)(from + 3 * steps);
    const four ab = __builtin_shuffle(*a, *b, (places){0, 4, 1, 5}), AB = __builtin_shuffle(*a, *b, (places){2, 6, 3, 7});
    const four cd = __builtin_shuffle(*c, *d, (places){0, 4, 1, 5}), CD = __builtin_shuffle(*c, *d, (places){2, 6, 3, 7});
    *(four *)to = __builtin_shuffle(ab, cd, (places){0, 1, 4, 5});
    *(four *)(to + rows) = __builtin_shuffle(ab, cd, (places){2, 3, 6, 7});
    *(four *)(to + 2 * rows) = __builtin_shuffle(AB, CD, (places){0, 1, 4, 5});
    *(four *)(to + 3 * rows) = __builtin_shuffle(AB, CD, (places){2, 3, 6, 7});
}

/* from [rows][steps], to [steps][rows] */
static void turn_rows(const float *from, int64_t steps, int rows, float *to) {
    int64_t i = 0;
    if (rows >= 4)
        for (; i + 4 <= steps; i += 4) {
            for (int r = 0; r + 4 <= rows; r += 4) turn_four(from + r * steps + i, steps, to + i * rows + r, rows);
            const int last = rows - 4; /* once more, where rows aren't fours */
            turn_four(from + last * steps + i, steps, to + i * rows + last, rows);
        }
    for (; i < steps; i++)
        for (int r = 0; r < rows; r++) memcpy(to + i * rows + r, from + r * steps + i, sizeof *to);
}

INLINE void round_numbers(const float *from, uint16_t *to) {
    vec numbers;
    memcpy(&numbers, from, sizeof numbers);
    const shorts halves = narrowed(numbers);
    memcpy(to, &halves, sizeof halves);
}

/* A row in twos, to [(inputs + 1) / 2] */
static void round_row(const float *from, int64_t inputs, float *to) {
    uint16_t *halves = (uint16_t *)to;
    int64_t i = 0;
    for (; i + LANES <= inputs; i += LANES) round_numbers(from + i, halves + i);
    if (i < inputs) {
        float last[LANES] = {0};
        uint16_t rounded[LANES];
        memcpy(last, from + i, (inputs - i) * sizeof(float));
        round_numbers(last, rounded);
        memcpy(halves + i, rounded, (inputs - i + 1) / 2 * sizeof(float));
    }
}

/* Blocks [block, end) for all tiles; widened: room for a block. */
static void some_blocks(
    const struct weights *weights, int block, int end, const struct tiles *tiles, float *widened_block, float *output) {
    const enum kept kept = kept_of(weights);
    const int64_t features = weights->features, steps = steps_of(weights), size = steps * FEATURES;
    const int widens = kept == HALVES && tiles->count >= WIDENED_FROM;
    int pairs = tiles->count == 1 ? pairs_for(tiles->rows) : 1;
    for (int at_once; block < end; block += at_once) {
        while (pairs > (end - block) * PAIRS) pairs /= 2;
        at_once = pairs < PAIRS ? 1 : pairs / PAIRS;
        const char *from = (const char *)weights->packed + block * size * bytes_of(kept);
        if (widens) {
            for (int64_t i = 0; i < size; i += LANES) {
                const vec numbers = widened((const uint16_t *)from + i);
                memcpy(widened_block + i, &numbers, sizeof numbers);
            }
            from = (const char *)widened_block;
        }
        const enum kept seen = widens ? WHOLE : kept;
        for (int t = 0; t < tiles->count; t++) {
            const int64_t row = first_row(tiles, t), rows = first_row(tiles, t + 1) - row;
            for (int pair = 0; pair < at_once * PAIRS; pair += pairs) {
                const int64_t feature = (int64_t)block * FEATURES + pair * PAIR;
                tile_of_shape(
                    from + pair * PAIR * bytes_of(seen), size, steps, tiles->inputs + row * steps,
                    output + row * features + feature, features, features - feature, seen, rows, pairs);
            }
        }
    }
}

struct in_full {
    const struct weights *weights;
    struct tiles tiles;
    const float *input;
    float *rounded, *turned, *widened_blocks, *output; /* rounded: rows in twos; widened_blocks: one for each thread */
    int64_t turning; /* pieces */
    struct cut cut;
};

static void turn_piece(const void *work, int64_t piece, int who) {
    const struct in_full *all = work;
    const int64_t inputs = all->weights->inputs, steps = steps_of(all->weights);
    const int end = all->tiles.count * (piece + 1) / all->turning;
    for (int t = all->tiles.count * piece / all->turning; t < end; t++) {
        const int64_t row = first_row(&all->tiles, t), rows = first_row(&all->tiles, t + 1) - row;
        const float *from = all->input + row * inputs;
        if (all->rounded) {
            float *to = all->rounded + row * steps;
            for (int64_t r = 0; r < rows; r++) round_row(from + r * inputs, inputs, to + r * steps);
            from = to;
        }
        if (all->turned) turn_rows(from, steps, rows, all->turned + row * steps);
    }
}

static void multiply_piece_in_full(const void *work, int64_t piece, int who) {
    const struct in_full *all = work;
    some_blocks(
        all->weights, begin_of(&all->cut, piece), begin_of(&all->cut, piece + 1), &all->tiles,
        all->widened_blocks + (int64_t)who * all->weights->inputs * FEATURES, all->output);
}

static int multiply_full(const struct weights *weights, int rows, const float *input, float *output) {
    const int threads = weights->threads;
    const enum kept kept = kept_of(weights);
    struct in_full all = {weights, {rows, (rows + TILE_ROWS - 1) / TILE_ROWS, input}, input, .output = output};
    float *memory = NULL;
    if (rows > 1 || kept == TWOS) { /* a single row of floats lies right as it is */
        const int64_t numbers = (rows * steps_of(weights) + 15) / 16 * 16;
        const int64_t widened = kept == HALVES ? (int64_t)threads * weights->inputs * FEATURES : 0;
        memory = aligned_alloc(64, (2 * numbers + widened) * sizeof(float));
        if (memory == NULL) return 0;
        if (kept == TWOS) all.tiles.inputs = all.rounded = memory;
        if (rows > 1) all.tiles.inputs = all.turned = memory + numbers;
        all.widened_blocks = memory + 2 * numbers;
        all.turning = pieces_of_rows(threads, all.tiles.count, (kept == TWOS ? 2 : 1) * (int64_t)rows * weights->inputs);
        in_pieces(threads, all.turning, turn_piece, &all);
    }
    const int pairs = pairs_for(rows);
    all.cut = cut_of(weights, pairs < PAIRS ? 1 : pairs / PAIRS);
    in_pieces(threads, all.cut.pieces, multiply_piece_in_full, &all);
    free(memory);
    return 1;
}
