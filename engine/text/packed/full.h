/* Part of packed.c: weights in full, as floats or, where that loses nothing, as bfloat16. Everything is computed in float.

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
#define WIDENED_FROM 3 /* tiles: for so many, weights are widened once, not in each */

struct tiles {
    int rows, count;
    const float *inputs; /* turned */
};

INLINE int first_row(const struct tiles *tiles, int tile) { return (int64_t)tiles->rows * tile / tiles->count; }

/* How many pairs are computed at a time, so that registers are full and sums many. */
static int pairs_for(int rows) { return rows > TILE_ROWS / 2 ? 1 : rows > TILE_ROWS / 4 ? 2 : MOST_PAIRS; }

INLINE vec weight_at(const void *weights, int64_t place, const int bits) {
    if (bits == 16) return widened((const uint16_t *)weights + place);
    vec numbers;
    memcpy(&numbers, (const float *)weights + place, sizeof numbers);
    return numbers;
}

/* left: features that there are from the first one on; `block` numbers lie between a block's weights and the next ones. */
INLINE void tile_in_full(
    const void *weights, int64_t block, int inputs, const float *input, float *output, int64_t features, int64_t left,
    const int bits, const int rows, const int pairs) {
    vec sums[MOST_PAIRS][TILE_ROWS][2];
    UNROLL for (int p = 0; p < pairs; p++)
        UNROLL for (int r = 0; r < rows; r++) sums[p][r][0] = sums[p][r][1] = (vec){0};
    for (int64_t i = 0; i < inputs; i++, input += rows)
        UNROLL for (int p = 0; p < pairs; p++) {
            const int64_t place = p / PAIRS * block + i * FEATURES + p % PAIRS * PAIR;
            const vec low = weight_at(weights, place, bits), high = weight_at(weights, place + LANES, bits);
            UNROLL for (int r = 0; r < rows; r++) {
                sums[p][r][0] += input[r] * low;
                sums[p][r][1] += input[r] * high;
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

#define OF(bits, r, p) tile_in_full(weights, block, inputs, input, output, features, left, bits, r, p)
#define ROWS_OF(r, p) case r: if (bits == 16) OF(16, r, p); else OF(32, r, p); return

/* The same with constants, so that each shape has its own loops with everything in registers. */
static void tile_of_shape(
    const void *weights, int64_t block, int inputs, const float *input, float *output, int64_t features, int64_t left,
    int bits, int rows, int pairs) {
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

/* Four inputs of four rows: each input's numbers side by side. */
INLINE void turn_four(const float *from, int64_t inputs, float *to, int64_t rows) {
    const four *a = (const four *)from, *b = (const four *)(from + inputs);
    const four *c = (const four *)(from + 2 * inputs), *d = (const four *)(from + 3 * inputs);
    const four ab = __builtin_shuffle(*a, *b, (places){0, 4, 1, 5}), AB = __builtin_shuffle(*a, *b, (places){2, 6, 3, 7});
    const four cd = __builtin_shuffle(*c, *d, (places){0, 4, 1, 5}), CD = __builtin_shuffle(*c, *d, (places){2, 6, 3, 7});
    *(four *)to = __builtin_shuffle(ab, cd, (places){0, 1, 4, 5});
    *(four *)(to + rows) = __builtin_shuffle(ab, cd, (places){2, 3, 6, 7});
    *(four *)(to + 2 * rows) = __builtin_shuffle(AB, CD, (places){0, 1, 4, 5});
    *(four *)(to + 3 * rows) = __builtin_shuffle(AB, CD, (places){2, 3, 6, 7});
}

/* from [rows][inputs], to [inputs][rows] */
static void turn_rows(const float *from, int inputs, int rows, float *to) {
    int64_t i = 0;
    if (rows >= 4)
        for (; i + 4 <= inputs; i += 4) {
            for (int r = 0; r + 4 <= rows; r += 4) turn_four(from + (int64_t)r * inputs + i, inputs, to + i * rows + r, rows);
            const int last = rows - 4; /* once more, where rows aren't fours */
            turn_four(from + (int64_t)last * inputs + i, inputs, to + i * rows + last, rows);
        }
    for (; i < inputs; i++)
        for (int r = 0; r < rows; r++) to[i * rows + r] = from[(int64_t)r * inputs + i];
}

/* Blocks [block, end) for all tiles; widened: room for a block. */
static void some_blocks(
    const struct weights *weights, int block, int end, const struct tiles *tiles, float *widened_block, float *output) {
    const int64_t features = weights->features, size = (int64_t)weights->inputs * FEATURES;
    const int widens = weights->bits == 16 && tiles->count >= WIDENED_FROM;
    int pairs = tiles->count == 1 ? pairs_for(tiles->rows) : 1;
    for (int at_once; block < end; block += at_once) {
        while (pairs > (end - block) * PAIRS) pairs /= 2;
        at_once = pairs < PAIRS ? 1 : pairs / PAIRS;
        const char *from = (const char *)weights->packed + block * size * (weights->bits / 8);
        if (widens) {
            for (int64_t i = 0; i < size; i += LANES) {
                const vec numbers = widened((const uint16_t *)from + i);
                memcpy(widened_block + i, &numbers, sizeof numbers);
            }
            from = (const char *)widened_block;
        }
        const int bits = widens ? 32 : weights->bits;
        for (int t = 0; t < tiles->count; t++) {
            const int row = first_row(tiles, t), rows = first_row(tiles, t + 1) - row;
            for (int pair = 0; pair < at_once * PAIRS; pair += pairs) {
                const int64_t feature = (int64_t)block * FEATURES + pair * PAIR;
                tile_of_shape(
                    from + pair * PAIR * (bits / 8), size, weights->inputs, tiles->inputs + (int64_t)row * weights->inputs,
                    output + row * features + feature, features, features - feature, bits, rows, pairs);
            }
        }
    }
}

struct in_full {
    const struct weights *weights;
    struct tiles tiles;
    const float *input;
    float *turned, *widened_blocks, *output; /* widened_blocks: one for each thread */
    int64_t turning; /* pieces */
    struct cut cut;
};

static void turn_piece(const void *work, int64_t piece, int who) {
    const struct in_full *all = work;
    const int inputs = all->weights->inputs;
    const int end = all->tiles.count * (piece + 1) / all->turning;
    for (int t = all->tiles.count * piece / all->turning; t < end; t++) {
        const int64_t row = first_row(&all->tiles, t);
        turn_rows(all->input + row * inputs, inputs, first_row(&all->tiles, t + 1) - row, all->turned + row * inputs);
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
    const int64_t inputs = weights->inputs;
    struct in_full all = {weights, {rows, (rows + TILE_ROWS - 1) / TILE_ROWS, input}, input, NULL, NULL, output};
    float *memory = NULL;
    if (rows > 1) { /* a single one lies right as it is */
        const int64_t numbers = threads * inputs * FEATURES + (rows * inputs + 15) / 16 * 16;
        memory = aligned_alloc(64, numbers * sizeof(float));
        if (memory == NULL) return 0;
        all.widened_blocks = memory;
        all.tiles.inputs = all.turned = memory + threads * inputs * FEATURES;
        all.turning = pieces_of_rows(threads, all.tiles.count, rows * inputs);
        in_pieces(threads, all.turning, turn_piece, &all);
    }
    const int pairs = pairs_for(rows);
    all.cut = cut_of(weights, pairs < PAIRS ? 1 : pairs / PAIRS);
    in_pieces(threads, all.cut.pieces, multiply_piece_in_full, &all);
    free(memory);
    return 1;
}
