/* Part of packed.c, for processors that multiply bytes (AVX2, and with an instruction for four at a time VNNI).

   A group of inputs is rounded to whole numbers of at most 127, and its scale kept. Sums of products within a group are
   exact, so all processors come to the same. Bytes are multiplied unsigned by signed. Weights of 4 bits are kept unsigned,
   too large by MIDDLE, and what that adds to a group's sum is taken away: not doing so, and counting from the least weight
   instead, would make the inputs' rounding weigh twice as much.

   With VNNI the four products of a word are added to a sum of 32 bits at once. Weights of 8 bits become unsigned by
   adding 128, which is taken away as well.

   Without it pairs of products are added up in 16 bits: for weights of 4 bits, at most 15, those of a whole group fit
   (8 · 2 · 15 · 127 = 30,480); for 8 bits one pair does (2 · 127 · 127 = 32,258), which is then widened, and the sign of
   the weight is moved to its input. */

#include <immintrin.h>

#if defined(__AVX512VNNI__)
#define AT_ONCE 16 /* features in a vector */
#define VECTORS 2 /* whose weights of a group are kept in registers: 16 of 32 */
#define MULTIPLIES_WORDS _mm512_dpbusd_epi32
typedef __m512i intrinsic;
#else
#define AT_ONCE 8
#define VECTORS 1 /* 8 of 16 registers */
#if defined(__AVXVNNI__)
#define MULTIPLIES_WORDS _mm256_dpbusd_avx_epi32
#endif
typedef __m256i intrinsic;
#endif
#if defined(MULTIPLIES_WORDS)
#define ADDED_TO_BYTES 128
#else
#define ADDED_TO_BYTES 0
#endif

#define ROUNDS 1
#define ROWS 32 /* of input at a time: what is unpacked of the weights serves all of them, and they stay in the cache */
#define WORDS 8 /* of a group, as it is multiplied: 4 inputs each */
#define GROUPS_AHEAD 4 /* that weights are fetched before they are needed, across the pages at which the processor stops */

typedef int32_t word __attribute__((may_alias)); /* four of the bytes below, as they are multiplied */
typedef int32_t words __attribute__((vector_size(4 * AT_ONCE)));
typedef float reals __attribute__((vector_size(4 * AT_ONCE), may_alias));
typedef uint16_t halves __attribute__((vector_size(2 * AT_ONCE)));

struct input {
    int8_t *bytes; /* [rows][inputs]; for 4 bits the even ones of 8 first, as the halves of a word's bytes have them */
    float *scales, *sums; /* [rows][groups]; sums of the inputs before they were rounded */
    int32_t *starts; /* [rows][groups]: what takes away that weights are too large; not written where they aren't */
    int64_t inputs, groups;
};

INLINE float largest_of(__m256i numbers) { /* of the bits of floats that aren't negative */
    __m128i half = _mm_max_epi32(_mm256_castsi256_si128(numbers), _mm256_extracti128_si256(numbers, 1));
    half = _mm_max_epi32(half, _mm_shuffle_epi32(half, 0x4E));
    return _mm_cvtss_f32(_mm_castsi128_ps(_mm_max_epi32(half, _mm_shuffle_epi32(half, 0xB1))));
}

INLINE int32_t total_of(__m256i numbers) {
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(numbers), _mm256_extracti128_si256(numbers, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1)));
}

INLINE float sum_of(__m256 numbers) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(numbers), _mm256_extractf128_ps(numbers, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
}

INLINE reals widened_scale(const uint16_t *from) {
    halves raw;
    memcpy(&raw, from, sizeof raw);
    return (reals)(__builtin_convertvector(raw, words) << 16);
}

/* One group of inputs. What isn't finite makes the scale so, and with it every result of the row. */
INLINE void rounded(const float *input, const struct input *prepared, int64_t group, const int bits) {
    const __m256i no_sign = _mm256_set1_epi32(0x7FFFFFFF);
    __m256 numbers[4], total = _mm256_setzero_ps();
    __m256i most = _mm256_setzero_si256(); /* bits of floats are ordered as they are, and what is no number comes last */
    UNROLL for (int v = 0; v < 4; v++) {
        numbers[v] = _mm256_loadu_ps(input + 8 * v);
        most = _mm256_max_epi32(most, _mm256_and_si256(_mm256_castps_si256(numbers[v]), no_sign));
        total = _mm256_add_ps(total, numbers[v]);
    }
    const float largest = largest_of(most);
    prepared->scales[group] = isfinite(largest) ? largest / 127 : NAN;
    if (bits == 4) prepared->sums[group] = sum_of(total);
    const __m256 inverse = _mm256_set1_ps(largest > 0 ? 127 / largest : 0);
    __m256i whole[4];
    UNROLL for (int v = 0; v < 4; v++) whole[v] = _mm256_cvtps_epi32(_mm256_mul_ps(numbers[v], inverse));
    const int too_large = bits == 4 ? MIDDLE : ADDED_TO_BYTES;
    if (too_large) {
        const __m256i all = _mm256_add_epi32(_mm256_add_epi32(whole[0], whole[1]), _mm256_add_epi32(whole[2], whole[3]));
        prepared->starts[group] = total_of(_mm256_mullo_epi32(all, _mm256_set1_epi32(-too_large)));
    }
    const __m256i pairs =
        _mm256_packs_epi16(_mm256_packs_epi32(whole[0], whole[1]), _mm256_packs_epi32(whole[2], whole[3]));
    __m256i ordered = _mm256_permutevar8x32_epi32(pairs, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    if (bits == 4)
        ordered = _mm256_shuffle_epi8(
            ordered, _mm256_setr_epi8(
                         0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15, 0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9,
                         11, 13, 15));
    _mm256_storeu_si256((__m256i *)(prepared->bytes + group * GROUP), ordered);
}

struct preparing {
    const struct weights *weights;
    const float *input;
    struct input *prepared;
    int64_t rows, pieces;
};

static void round_rows(const void *work, int64_t piece, int who) {
    const struct preparing *all = work;
    const struct input *prepared = all->prepared;
    const int64_t inputs = all->weights->inputs, whole = prepared->groups;
    const int64_t end = all->rows * (piece + 1) / all->pieces * whole;
    for (int64_t group = all->rows * piece / all->pieces * whole; group < end; group++) {
        const int64_t row = group / whole, first = group % whole * GROUP;
        const float *from = all->input + row * inputs + first;
        float filled[GROUP];
        if (inputs - first < GROUP) { /* the last one, of weights of 8 bits */
            memset(filled, 0, sizeof filled);
            from = memcpy(filled, from, (inputs - first) * sizeof(float));
        }
        if (all->weights->bits == 8)
            rounded(from, prepared, group, 8);
        else
            rounded(from, prepared, group, 4);
    }
}

static int prepare(const struct weights *weights, int rows, const float *input, struct input *prepared) {
    const int64_t inputs = weights->inputs, whole = (inputs + GROUP - 1) / GROUP, groups = rows * whole;
    prepared->inputs = whole * GROUP;
    prepared->groups = whole;
    char *memory = malloc(groups * (GROUP + 2 * sizeof(float) + sizeof(int32_t)));
    if (memory == NULL) return 0;
    prepared->bytes = (int8_t *)memory;
    prepared->scales = (float *)(memory + groups * GROUP);
    prepared->sums = prepared->scales + groups;
    prepared->starts = (int32_t *)(prepared->sums + groups);
    const int64_t pieces = pieces_of_rows(weights->threads, rows, groups * GROUP);
    in_pieces(weights->threads, pieces, round_rows, &(struct preparing){weights, input, prepared, rows, pieces});
    return 1;
}

static void release(struct input *prepared) { free(prepared->bytes); }

/* Of a group and AT_ONCE features: for 4 bits the bytes of each word's even inputs and of its odd ones, else the words,
   as they are multiplied. */
INLINE void unpacked(const int32_t *from, int count, words *into, const int bits) {
    if (bits == 8) {
        if (count >= WORDS)
            UNROLL for (int w = 0; w < WORDS; w++) memcpy(into + w, from + w * FEATURES, sizeof *into);
        else
            for (int w = 0; w < WORDS; w++)
                if (w < count)
                    memcpy(into + w, from + w * FEATURES, sizeof *into);
                else
                    into[w] = (words){0};
#if defined(MULTIPLIES_WORDS)
        UNROLL for (int w = 0; w < WORDS; w++) into[w] ^= (int32_t)0x80808080;
#endif
        return;
    }
    UNROLL for (int w = 0; w < WORDS / 2; w++) {
        words raw;
        memcpy(&raw, from + w * FEATURES, sizeof raw);
        into[2 * w] = raw & 0x0F0F0F0F;
        into[2 * w + 1] = (raw >> 4) & 0x0F0F0F0F;
    }
}

/* Sums of products of a group, for VECTORS times AT_ONCE features. */
INLINE void dot(const words weights[VECTORS][WORDS], const word *input, int32_t start, words *sums, const int bits) {
#if defined(MULTIPLIES_WORDS)
    UNROLL for (int v = 0; v < VECTORS; v++) sums[v] = (words){0} + start;
    UNROLL for (int w = 0; w < WORDS; w++) {
        const words four = (words){0} + input[w];
        UNROLL for (int v = 0; v < VECTORS; v++)
            sums[v] = (words)MULTIPLIES_WORDS((intrinsic)sums[v], (intrinsic)weights[v][w], (intrinsic)four);
    }
#else
    const __m256i ones = _mm256_set1_epi16(1), *weight = (const __m256i *)weights[0];
    __m256i sum = _mm256_setzero_si256();
    UNROLL for (int w = 0; w < WORDS; w++) {
        const __m256i four = _mm256_set1_epi32(input[w]);
        if (bits == 4) {
            sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(weight[w], four));
        } else {
            const __m256i turned = _mm256_sign_epi8(four, weight[w]);
            const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weight[w]), turned);
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
        }
    }
    sums[0] = bits == 4 ? (words)_mm256_madd_epi16(sum, ones) + start : (words)sum;
#endif
}

/* One block of features for `rows` rows of input. */
INLINE void block_of(
    const struct weights *weights, int block, const struct input *from, int64_t row, int rows,
    float results[][FEATURES], const int bits) {
    const int groups = from->groups, a_word = 32 / bits, all = weights->inputs / a_word;
    const int32_t *packed = weights->packed + (int64_t)block * all * FEATURES;
    const uint16_t *kept = (const uint16_t *)weights->scales + (int64_t)block * groups * 2 * FEATURES;
    for (int r = 0; r < rows; r++) memset(results[r], 0, sizeof results[r]);
    for (int group = 0; group < groups; group++) {
        const int first = group * (GROUP / a_word);
        const int64_t at = row * groups + group;
        for (int line = 0; line < GROUP / a_word * FEATURES * 4; line += 64)
            __builtin_prefetch((const char *)(packed + (int64_t)(first + GROUPS_AHEAD * (GROUP / a_word)) * FEATURES) + line);
        UNROLL for (int p = 0; p < FEATURES; p += VECTORS * AT_ONCE) {
            words weight[VECTORS][WORDS];
            reals scale[VECTORS], middle[VECTORS];
            UNROLL for (int v = 0; v < VECTORS; v++) {
                const int feature = p + v * AT_ONCE;
                unpacked(packed + (int64_t)first * FEATURES + feature, all - first, weight[v], bits);
                if (bits == 4) {
                    scale[v] = widened_scale(kept + group * 2 * FEATURES + feature);
                    middle[v] = widened_scale(kept + (group * 2 + 1) * FEATURES + feature);
                }
            }
            for (int r = 0; r < rows; r++) {
                const int64_t here = at + (int64_t)r * groups;
                words sums[VECTORS];
                dot(weight, (const word *)(from->bytes + here * GROUP), from->starts[here], sums, bits);
                UNROLL for (int v = 0; v < VECTORS; v++) {
                    const reals sum = __builtin_convertvector(sums[v], reals) * from->scales[here];
                    reals *result = (reals *)(results[r] + p) + v;
                    *result = bits == 4 ? sum * scale[v] + (from->sums[here] * middle[v] + *result) : sum + *result;
                }
            }
        }
    }
    if (bits == 8) {
        const float *scales = (const float *)weights->scales + block * FEATURES;
        for (int r = 0; r < rows; r++)
            for (int i = 0; i < FEATURES; i++) results[r][i] *= scales[i];
    }
}
