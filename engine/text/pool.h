/* Loops that threads share, in pieces, by the threads of pool.c. For C files that c_library.py builds. */

#include <stdint.h>

#define WORTH_SHARING 65536 /* numbers: threads take microseconds to meet, and milliseconds where others want the cores */
#define PIECES_A_THREAD 16   /* so that one that is stopped in the middle of a piece doesn't hold up much */

/* One piece of a loop. who: which of the threads that share it, from 0. */
typedef void piece_of(const void *work, int64_t piece, int who);

/* `share_pieces` of pool.c: c_library.py puts it here. */
void (*share)(int threads, int64_t pieces, piece_of *run, const void *work);

/* All pieces, by at most so many threads, in whatever order. */
static inline void in_pieces(int threads, int64_t pieces, piece_of *run, const void *work) {
    if (threads > 1 && pieces > 1)
        share(threads, pieces, run, work);
    else
        for (int64_t piece = 0; piece < pieces; piece++) run(work, piece, 0);
}

/* How many pieces so many rows are cut into. numbers: that all of them have. */
static inline int64_t pieces_of_rows(int threads, int64_t rows, int64_t numbers) {
    const int64_t most = (int64_t)threads * PIECES_A_THREAD;
    return threads == 1 || numbers < WORTH_SHARING ? 1 : rows < most ? rows : most;
}
