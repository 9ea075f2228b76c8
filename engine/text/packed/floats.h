/* Part of packed.c, for processors that don't multiply bytes: everything is computed in float. */

#define ROUNDS 0
#define ROWS 3 /* of input at a time: 3 rows of 32 features are 12 of the 16 registers of a processor with few */

struct input {
    const float *rows;
    float *sums; /* of each group of inputs, by row (4 bits only) */
};

static int prepare(const struct weights *weights, int rows, const float *input, struct input *prepared) {
    prepared->rows = input;
    prepared->sums = NULL;
    if (weights->bits == 8) return 1;
    const int64_t groups = (int64_t)rows * (weights->inputs / GROUP); /* they follow one another, as their inputs do */
    prepared->sums = malloc(groups * sizeof(float));
    if (prepared->sums == NULL) return 0;
    for (int64_t group = 0; group < groups; group++) {
        float parts[4] = {0};
        for (int i = 0; i < GROUP; i += 4)
            UNROLL for (int part = 0; part < 4; part++) parts[part] += input[group * GROUP + i + part];
        prepared->sums[group] = (parts[0] + parts[1]) + (parts[2] + parts[3]);
    }
    return 1;
}

static void release(struct input *prepared) { free(prepared->sums); }

/* One block of features for `rows` rows of input. */
INLINE void tile_of(
    const struct weights *weights, int block, const struct input *from, int64_t row, float results[][FEATURES],
    const int bits, const int rows) {
    const int inputs = weights->inputs, groups = inputs / GROUP, length = bits == 8 ? inputs : GROUP;
    const int a_word = 32 / bits;
    const int32_t *words = weights->packed + (int64_t)block * (inputs / a_word) * FEATURES;
    const float *input = from->rows + row * inputs;
    vec result[ROWS][PARTS];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int p = 0; p < PARTS; p++) result[r][p] = (vec){0};
    for (int first = 0; first < inputs; first += length) {
        vec part[ROWS][PARTS];
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int p = 0; p < PARTS; p++) part[r][p] = (vec){0};
        for (int i = first; i < first + length; i += a_word, words += FEATURES)
            UNROLL for (int place = 0; place < a_word; place++)
                UNROLL for (int p = 0; p < PARTS; p++) {
                    const vec weight = numbers(words + p * LANES, bits, place);
                    UNROLL for (int r = 0; r < rows; r++)
                        part[r][p] += input[(int64_t)r * inputs + i + place] * weight;
                }
        if (bits == 8) {
            const float *scales = (const float *)weights->scales + block * FEATURES;
            UNROLL for (int p = 0; p < PARTS; p++) {
                vec scale;
                memcpy(&scale, scales + p * LANES, sizeof scale);
                UNROLL for (int r = 0; r < rows; r++) result[r][p] = part[r][p] * scale;
            }
        } else {
            const int group = first / GROUP;
            const uint16_t *scales =
                (const uint16_t *)weights->scales + ((int64_t)block * groups + group) * 2 * FEATURES;
            UNROLL for (int p = 0; p < PARTS; p++) {
                const vec scale = widened(scales + p * LANES);
                const vec least = widened(scales + FEATURES + p * LANES) - MIDDLE * scale;
                UNROLL for (int r = 0; r < rows; r++)
                    result[r][p] += part[r][p] * scale + from->sums[(row + r) * groups + group] * least;
            }
        }
    }
    UNROLL for (int r = 0; r < rows; r++) memcpy(results[r], result[r], FEATURES * sizeof(float));
}

INLINE void block_of(
    const struct weights *weights, int block, const struct input *from, int64_t row, int rows,
    float results[][FEATURES], const int bits) {
    switch (rows) { /* constants, so that each has its own loops with everything in registers */
    case 1: tile_of(weights, block, from, row, results, bits, 1); break;
    case 2: tile_of(weights, block, from, row, results, bits, 2); break;
    case 3: tile_of(weights, block, from, row, results, bits, 3); break;
    }
}
