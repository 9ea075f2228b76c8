/* Vectors as wide as the machine's registers and no wider: what GCC makes of wider ones goes through memory. For C files
   that c_library.py builds. */

#include <stdint.h>
#include <string.h>

#if defined(__AVX512BF16__) && !defined(FLOATS)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
#define UNROLL _Pragma("GCC unroll 16")
#define INLINE static inline __attribute__((always_inline))

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int32_t ivec __attribute__((vector_size(4 * LANES)));
typedef uint16_t shorts __attribute__((vector_size(2 * LANES)));

/* bfloat16 */
INLINE vec widened(const uint16_t *from) {
    shorts raw;
    memcpy(&raw, from, sizeof raw);
    return (vec)(__builtin_convertvector(raw, ivec) << 16);
}

/* To bfloat16: the nearest, or of two the even one. A NaN stays one. */
INLINE shorts narrowed(vec numbers) {
#if defined(__AVX512BF16__) && !defined(FLOATS)
    return (shorts)_mm512_cvtneps_pbh((__m512)numbers);
#else
    const ivec bits = (ivec)numbers, no_number = (bits & 0x7FFFFFFF) > 0x7F800000;
    const ivec near = bits + (0x7FFF + (bits >> 16 & 1));
    return __builtin_convertvector((no_number & 0x7FC00000 | ~no_number & near) >> 16, shorts);
#endif
}

/* Words of two bfloat16 each: one of them by each of `others`, both products added to the sum in float. */
INLINE vec plus_twos(vec sum, const void *word, vec others) {
    int32_t both;
    memcpy(&both, word, sizeof both);
#if defined(__AVX512BF16__) && !defined(FLOATS)
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32(both), (__m512bh)others);
#else
    const ivec words = (ivec){0} + both;
    sum += (vec)(words << 16) * (vec)((ivec)others << 16);
    return sum + (vec)(words & ~0xFFFF) * (vec)((ivec)others & ~0xFFFF);
#endif
}
