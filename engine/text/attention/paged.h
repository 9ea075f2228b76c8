/* What paged.c takes for one layer, and the number format of the cache: for it, and for whoever calls it from C. */

#include <stdint.h>
#include <string.h>

struct attended {
    const void *query, *key, *value; /* [head][token], strides below, in elements; dim is contiguous */
    int64_t query_head, query_token, key_head, key_token, value_head, value_token;
    void *keys, *values; /* the cache */
    void *output;        /* [token][query head][dim], contiguous */
    const float *sinks;  /* one number a query head, or null */
    float scale, softcap; /* softcap 0: none */
    int32_t window;       /* 0: none */
};

#ifdef BFLOAT16
typedef uint16_t ELEMENT;

static inline float widen(ELEMENT raw) {
    const uint32_t bits = (uint32_t)raw << 16;
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static inline ELEMENT narrow(float number) { /* round to nearest even; NaN stays NaN */
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    if (number != number) return 0x7FC0;
    return (ELEMENT)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}
#else
typedef float ELEMENT;

static inline float widen(ELEMENT number) { return number; }
static inline ELEMENT narrow(float number) { return number; }
#endif
