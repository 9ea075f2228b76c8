/* Matrix multiplication for the CPU, with weights in full or of 8 or 4 bits. Built and called by kernel.py.

   Decoding few sequences is bound by reading the weights, many by multiplying. Here weights are read as they are kept.

   Features (rows of the weight) lie in blocks of FEATURES, those of a block for the same input side by side. So a
   block's results need no sum across lanes, and what was read of the weights serves several rows of input.

   32 bits: floats. 16 bits: bfloat16, widened in registers, or of two inputs in a word (full.h).

   Of 8 and 4 bits a word of 32 bits holds the weights of one feature for 4 or 8 inputs that follow one another, the first
   one lowest; a vector of words is shifted to get the weights of many features for one input. Where the processor
   multiplies bytes (AVX2), rows of input are rounded to 8 bits too, with a scale for each GROUP of them, as llama.cpp
   does: a group's sum is then exact, whatever else is computed beside it (bytes.h). Elsewhere weights are widened in
   registers and everything is float (floats.h).

   8 bits: weight = scale[feature] · byte, signed.
   4 bits: weight = scale[group][feature] · (nibble − MIDDLE) + middle[group][feature], for groups of GROUP inputs; both
   are bfloat16. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../pool.h"
#include "../vectors.h"

#define FEATURES 32
#define GROUP 32
#define MIDDLE 8
#define PARTS (FEATURES / LANES)

struct weights {
    int32_t bits, inputs, features, threads; /* features: as many as there are results, the last block may have more */
    int32_t in_twos, padding; /* bfloat16: see full.h */
    const int32_t *packed; /* [block][inputs / inputs a word][FEATURES]; in full: floats or bfloat16, [block][inputs][FEATURES] */
    const void *scales; /* in full: none; 8 bits: float [block][FEATURES]; 4 bits: bfloat16 [block][group][scale, middle][FEATURES] */
};

/* How its blocks are cut into pieces. */
struct cut {
    int64_t blocks, at_once, groups, pieces;
};

/* at_once: blocks that are better computed together, a group, where there are enough for all threads. */
static struct cut cut_of(const struct weights *weights, int64_t at_once) {
    const int64_t blocks = (weights->features + FEATURES - 1) / FEATURES, most = (int64_t)weights->threads * PIECES_A_THREAD;
    if (blocks / at_once < weights->threads) at_once = 1;
    const int64_t groups = (blocks + at_once - 1) / at_once;
    return (struct cut){blocks, at_once, groups, groups < most ? groups : most};
}

/* The first block of a piece. */
static int64_t begin_of(const struct cut *cut, int64_t piece) {
    const int64_t begin = cut->groups * piece / cut->pieces * cut->at_once;
    return begin < cut->blocks ? begin : cut->blocks;
}

/* Of the words of a block, the weights for the input at this place, as whole numbers. */
INLINE vec numbers(const int32_t *words, const int bits, const int place) {
    ivec raw;
    memcpy(&raw, words, sizeof raw);
    return __builtin_convertvector(bits == 8 ? (raw << (24 - 8 * place)) >> 24 : (raw >> (4 * place)) & 15, vec);
}

#if defined(__AVX2__) && defined(__FMA__) && !defined(FLOATS)
#include "bytes.h"
#else
#include "floats.h"
#endif
#include "full.h"

int rounds_input(void) { return ROUNDS; }

/* Whether what is computed in float has the instructions for it, so that it is as fast as other libraries. */
int multiplies_floats(void) {
#if LANES >= 8 && defined(__FMA__)
    return 1;
#else
    return 0;
#endif
}

/* Whether two bfloat16 a word are multiplied by an instruction, and none would do far more at a time (AMX). */
int multiplies_twos(void) {
#if defined(__AVX512BF16__) && !defined(__AMX_BF16__)
    return 1;
#else
    return 0;
#endif
}

struct rounded_weights {
    const struct weights *weights;
    const struct input *input;
    float *output;
    int64_t rows;
    struct cut cut;
};

static void multiply_piece(const void *work, int64_t piece, int who) {
    const struct rounded_weights *all = work;
    const struct weights *weights = all->weights;
    const int64_t features = weights->features, end = begin_of(&all->cut, piece + 1);
    for (int64_t block = begin_of(&all->cut, piece); block < end; block++)
        for (int64_t row = 0; row < all->rows; row += ROWS) {
            const int count = all->rows - row < ROWS ? all->rows - row : ROWS;
            float results[ROWS][FEATURES] __attribute__((aligned(64)));
            if (weights->bits == 8)
                block_of(weights, block, all->input, row, count, results, 8);
            else
                block_of(weights, block, all->input, row, count, results, 4);
            const int left = features - block * FEATURES;
            float *output = all->output + row * features + block * FEATURES;
            if (left >= FEATURES) /* a size that is known is copied without a call */
                for (int r = 0; r < count; r++) memcpy(output + r * features, results[r], sizeof results[r]);
            else
                for (int r = 0; r < count; r++) memcpy(output + r * features, results[r], left * sizeof(float));
        }
}

/* output [rows][features] = input [rows][inputs] · weightsᵀ. False where there is no memory. */
int multiply(const struct weights *weights, int rows, const float *input, float *output) {
    struct input prepared;
    if (weights->bits >= 16) return multiply_full(weights, rows, input, output);
    if (!prepare(weights, rows, input, &prepared)) return 0;
    const struct rounded_weights all = {weights, &prepared, output, rows, cut_of(weights, 1)};
    in_pieces(weights->threads, all.cut.pieces, multiply_piece, &all);
    release(&prepared);
    return 1;
}

INLINE void expand_block(const struct weights *weights, int block, int64_t stride, float *output, const int bits) {
    const int inputs = weights->inputs, groups = inputs / GROUP, a_word = 32 / bits;
    const int32_t *words = weights->packed + (int64_t)block * (inputs / a_word) * FEATURES;
    vec scale[PARTS], least[PARTS];
    memset(scale, 0, sizeof scale);
    memset(least, 0, sizeof least);
    if (bits == 8) memcpy(scale, (const float *)weights->scales + block * FEATURES, sizeof scale);
    for (int i = 0; i < inputs; i++) {
        if (bits == 4 && i % GROUP == 0) {
            const uint16_t *scales =
                (const uint16_t *)weights->scales + ((int64_t)block * groups + i / GROUP) * 2 * FEATURES;
            UNROLL for (int p = 0; p < PARTS; p++) {
                scale[p] = widened(scales + p * LANES);
                least[p] = widened(scales + FEATURES + p * LANES) - MIDDLE * scale[p];
            }
        }
        UNROLL for (int p = 0; p < PARTS; p++) {
            const vec weight =
                numbers(words + i / a_word * FEATURES + p * LANES, bits, i % a_word) * scale[p] + least[p];
            memcpy(output + i * stride + p * LANES, &weight, sizeof weight);
        }
    }
}

struct expanding {
    const struct weights *weights;
    int64_t first, blocks;
    float *output;
};

static void expand_piece(const void *work, int64_t block, int who) {
    const struct expanding *all = work;
    float *target = all->output + block * FEATURES;
    if (all->weights->bits == 8)
        expand_block(all->weights, all->first + block, all->blocks * FEATURES, target, 8);
    else
        expand_block(all->weights, all->first + block, all->blocks * FEATURES, target, 4);
}

/* output [inputs][FEATURES · blocks]: the weights of some blocks of features as they are multiplied. */
void expand(const struct weights *weights, int first, int blocks, float *output) {
    in_pieces(weights->threads, blocks, expand_piece, &(struct expanding){weights, first, blocks, output});
}
