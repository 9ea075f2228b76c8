/* Part of packed.c, for processors that multiply bytes (AVX2).

   A group of inputs is rounded to whole numbers of at most 127, and its scale kept. Pairs of products of bytes are added
   up in 16 bits: for weights of 4 bits, at most 15, those of a whole group fit (8 · 2 · 15 · 127 = 30,480); for 8 bits
   one pair does (2 · 127 · 127 = 32,258), which is then widened. Bytes are multiplied unsigned by signed, so the sign of
   a weight of 8 bits is moved to its input. */

#include <immintrin.h>

#define ROUNDS 1
#define ROWS 32 /* of input at a time: what is unpacked of the weights serves all of them, and they stay in the cache */
#define WORDS 8 /* of a group, as it is multiplied: 4 inputs each */

typedef int32_t word __attribute__((may_alias)); /* four of the bytes below, as they are multiplied */

struct input {
    int8_t *bytes; /* [rows][inputs]; for 4 bits the even ones of 8 first, as the halves of a word's bytes have them */
    float *scales, *sums; /* [rows][groups]; sums of the inputs before they were rounded */
    int64_t inputs, groups;
};

INLINE float across(__m256 numbers, const int largest) {
    __m128 half = _mm256_castps256_ps128(numbers), other = _mm256_extractf128_ps(numbers, 1);
    half = largest ? _mm_max_ps(half, other) : _mm_add_ps(half, other);
    other = _mm_movehl_ps(half, half);
    half = largest ? _mm_max_ps(half, other) : _mm_add_ps(half, other);
    other = _mm_shuffle_ps(half, half, 1);
    return _mm_cvtss_f32(largest ? _mm_max_ps(half, other) : _mm_add_ps(half, other));
}

INLINE __m256 widened8(const uint16_t *from) {
    const __m128i raw = _mm_loadu_si128((const __m128i *)from);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(raw), 16));
}

/* One group of inputs. What isn't finite makes the scale so, and with it every result of the row. */
INLINE void rounded(const float *input, int8_t *bytes, float *scale, float *sum, const int bits) {
    const __m256 no_sign = _mm256_castsi256_ps(_mm256_set1_epi32(0x7FFFFFFF));
    __m256 numbers[4], most = _mm256_setzero_ps(), total = _mm256_setzero_ps();
    UNROLL for (int v = 0; v < 4; v++) {
        numbers[v] = _mm256_loadu_ps(input + 8 * v);
        most = _mm256_max_ps(_mm256_and_ps(numbers[v], no_sign), most);
        total = _mm256_add_ps(total, numbers[v]);
    }
    *sum = across(total, 0);
    const float largest = across(most, 1);
    *scale = isfinite(*sum) ? largest / 127 : NAN;
    const __m256 inverse = _mm256_set1_ps(largest > 0 ? 127 / largest : 0);
    __m256i whole[4];
    UNROLL for (int v = 0; v < 4; v++) whole[v] = _mm256_cvtps_epi32(_mm256_mul_ps(numbers[v], inverse));
    const __m256i pairs =
        _mm256_packs_epi16(_mm256_packs_epi32(whole[0], whole[1]), _mm256_packs_epi32(whole[2], whole[3]));
    __m256i ordered = _mm256_permutevar8x32_epi32(pairs, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    if (bits == 4)
        ordered = _mm256_shuffle_epi8(
            ordered, _mm256_setr_epi8(
                         0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15, 0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9,
                         11, 13, 15));
    _mm256_storeu_si256((__m256i *)bytes, ordered);
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
        float filled[GROUP] = {0}; /* weights of 8 bits may have a last group that isn't whole */
        if (inputs - first < GROUP) from = memcpy(filled, from, (inputs - first) * sizeof(float));
        int8_t *bytes = prepared->bytes + group * GROUP;
        if (all->weights->bits == 8)
            rounded(from, bytes, prepared->scales + group, prepared->sums + group, 8);
        else
            rounded(from, bytes, prepared->scales + group, prepared->sums + group, 4);
    }
}

static int prepare(const struct weights *weights, int rows, const float *input, struct input *prepared) {
    const int64_t inputs = weights->inputs, whole = (inputs + GROUP - 1) / GROUP, groups = rows * whole;
    prepared->inputs = whole * GROUP;
    prepared->groups = whole;
    char *memory = malloc(groups * (GROUP + 2 * sizeof(float)));
    if (memory == NULL) return 0;
    prepared->bytes = (int8_t *)memory;
    prepared->scales = (float *)(memory + groups * GROUP);
    prepared->sums = prepared->scales + groups;
    const int64_t pieces = pieces_of_rows(weights->threads, rows, groups * GROUP);
    in_pieces(weights->threads, pieces, round_rows, &(struct preparing){weights, input, prepared, rows, pieces});
    return 1;
}

static void release(struct input *prepared) { free(prepared->bytes); }

/* Of a group and LANES features: for 4 bits the bytes of each word's even inputs and of its odd ones, else the words. */
INLINE void unpacked(const int32_t *words, int count, __m256i *into, const int bits) {
    const __m256i low = _mm256_set1_epi8(15);
    if (bits == 8) {
        if (count >= WORDS)
            UNROLL for (int w = 0; w < WORDS; w++) into[w] = _mm256_loadu_si256((const __m256i *)(words + w * FEATURES));
        else
            for (int w = 0; w < WORDS; w++)
                into[w] = w < count ? _mm256_loadu_si256((const __m256i *)(words + w * FEATURES)) : _mm256_setzero_si256();
        return;
    }
    UNROLL for (int w = 0; w < WORDS / 2; w++) {
        const __m256i raw = _mm256_loadu_si256((const __m256i *)(words + w * FEATURES));
        into[2 * w] = _mm256_and_si256(raw, low);
        into[2 * w + 1] = _mm256_and_si256(_mm256_srli_epi16(raw, 4), low);
    }
}

/* Sums of products of a group, for each of LANES features. */
INLINE __m256i dot(const __m256i *weights, const word *input, const int bits) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sum = _mm256_setzero_si256();
    if (bits == 4) {
        UNROLL for (int w = 0; w < WORDS; w++)
            sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(weights[w], _mm256_set1_epi32(input[w])));
        return _mm256_madd_epi16(sum, ones);
    }
    UNROLL for (int w = 0; w < WORDS; w++) {
        const __m256i turned = _mm256_sign_epi8(_mm256_set1_epi32(input[w]), weights[w]);
        const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weights[w]), turned);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
    }
    return sum;
}

/* One block of features for `rows` rows of input. */
INLINE void block_of(
    const struct weights *weights, int block, const struct input *from, int64_t row, int rows,
    float results[][FEATURES], const int bits) {
    const int groups = from->groups, a_word = 32 / bits, all = weights->inputs / a_word;
    const int32_t *words = weights->packed + (int64_t)block * all * FEATURES;
    memset(results, 0, rows * sizeof results[0]);
    for (int group = 0; group < groups; group++) {
        const int first = group * (GROUP / a_word);
        const int8_t *bytes = from->bytes + row * from->inputs + group * GROUP;
        const float *scales = from->scales + row * groups + group, *sums = from->sums + row * groups + group;
        UNROLL for (int p = 0; p < FEATURES / 8; p++) {
            __m256i weight[WORDS];
            unpacked(words + (int64_t)first * FEATURES + p * 8, all - first, weight, bits);
            __m256 scale = _mm256_setzero_ps(), least = _mm256_setzero_ps();
            if (bits == 4) {
                const uint16_t *kept =
                    (const uint16_t *)weights->scales + ((int64_t)block * groups + group) * 2 * FEATURES + p * 8;
                scale = widened8(kept);
                least = widened8(kept + FEATURES);
            }
            for (int r = 0; r < rows; r++) {
                const word *input = (const word *)(bytes + r * from->inputs);
                const __m256 sum = _mm256_mul_ps(
                    _mm256_cvtepi32_ps(dot(weight, input, bits)), _mm256_set1_ps(scales[(int64_t)r * groups]));
                __m256 result = _mm256_load_ps(results[r] + p * 8);
                if (bits == 4)
                    result = _mm256_fmadd_ps(
                        sum, scale, _mm256_fmadd_ps(_mm256_set1_ps(sums[(int64_t)r * groups]), least, result));
                else
                    result = _mm256_add_ps(sum, result);
                _mm256_store_ps(results[r] + p * 8, result);
            }
        }
    }
    if (bits == 8)
        for (int r = 0; r < rows; r++)
            UNROLL for (int p = 0; p < FEATURES / 8; p++) {
                const __m256 scale = _mm256_loadu_ps((const float *)weights->scales + block * FEATURES + p * 8);
                _mm256_store_ps(results[r] + p * 8, _mm256_mul_ps(_mm256_load_ps(results[r] + p * 8), scale));
            }
}
