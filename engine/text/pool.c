/* Threads that share the loops of our kernels. Built by c_library.py, used through pool.h.

   OpenMP cuts a loop into as many parts as there are threads and waits for all of them. Where other processes want the
   cores (and those of the site do, at every send and every word), whoever of the threads isn't running holds up the others
   for milliseconds, after each matrix. Here threads take small pieces from a counter, and nobody waits for a thread that
   has taken none: one that isn't running is done without.

   Which thread computes a piece must not matter for its result. One loop is shared at a time; who comes meanwhile with
   another one, of another engine, computes it alone. A process that was forked has no helpers and does without. */

#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pool.h" /* of which only the type of a piece is for this file */

#define SPINS 1000 /* some 40 µs: as long as what lies between two matrices, and no longer, since others want the core */
#define OPEN_TO(helpers) ((uint32_t)(helpers) << 16)
#define INSIDE(state) ((state) & 0xFFFFu)
#define LIMIT(state) ((state) >> 16)
#define MOST_HELPERS 1023
#define APART _Alignas(64) /* on a line of the cache of its own */

static pthread_mutex_t one_loop = PTHREAD_MUTEX_INITIALIZER;
static int helpers; /* that were started */

/* The loop, written while nobody is inside. */
static piece_of *run_piece;
static const void *its_work;
static int64_t its_pieces;
static APART _Atomic int64_t next_piece;
static APART _Atomic uint32_t state; /* how many helpers may come in, 0 once the loop is closed; how many are inside */
static APART _Atomic uint32_t loops; /* begun so far: what helpers wait for */
static APART _Atomic uint32_t asleep, is_awaited;

static void sleep_while(_Atomic uint32_t *number, uint32_t value) {
    syscall(SYS_futex, number, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(_Atomic uint32_t *number, int most) { syscall(SYS_futex, number, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0); }

static inline void pause_a_moment(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void take_pieces(int who) {
    for (int64_t piece; (piece = atomic_fetch_add(&next_piece, 1)) < its_pieces;) run_piece(its_work, piece, who);
}

/* Which thread of the loop one is, or 0 where it is closed or there are enough. */
static int come_in(void) {
    uint32_t found = atomic_load(&state);
    while (INSIDE(found) < LIMIT(found))
        if (atomic_compare_exchange_weak(&state, &found, found + 1)) return (int)INSIDE(found) + 1;
    return 0;
}

static void *help(void *nothing) {
    (void)nothing;
    uint32_t seen = 0;
    for (;;) {
        for (int spins = 0; atomic_load(&loops) == seen; spins++) {
            if (spins < SPINS) {
                pause_a_moment();
                continue;
            }
            atomic_fetch_add(&asleep, 1);
            sleep_while(&loops, seen);
            atomic_fetch_sub(&asleep, 1);
        }
        seen = atomic_load(&loops);
        const int who = come_in();
        if (!who) continue;
        take_pieces(who);
        /* Whoever comes in later finds no pieces left, so `who` may be given twice. */
        if (atomic_fetch_sub(&state, 1) == 1 && atomic_load(&is_awaited)) wake(&state, 1);
    }
    return NULL;
}

static void start_helpers(int wanted) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the threads that the program knows */
    while (helpers < wanted) {
        pthread_t helper;
        if (pthread_create(&helper, NULL, help, NULL)) break;
        pthread_detach(helper);
        helpers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Runs all pieces, by this thread and at most `threads - 1` helpers, and returns when all are done. */
void share_pieces(int threads, int64_t pieces, piece_of *run, const void *work) {
    if (pthread_mutex_trylock(&one_loop)) {
        for (int64_t piece = 0; piece < pieces; piece++) run(work, piece, 0);
        return;
    }
    const int wanted = threads - 1 < MOST_HELPERS ? threads - 1 : MOST_HELPERS;
    if (helpers < wanted) start_helpers(wanted);
    run_piece = run;
    its_work = work;
    its_pieces = pieces;
    atomic_store(&next_piece, 0);
    atomic_store(&state, OPEN_TO(wanted));
    atomic_fetch_add(&loops, 1);
    if (atomic_load(&asleep)) wake(&loops, wanted);
    take_pieces(0);
    uint32_t left = INSIDE(atomic_fetch_and(&state, 0xFFFFu));
    for (int spins = 0; left; left = atomic_load(&state))
        if (spins++ < SPINS)
            pause_a_moment();
        else {
            atomic_store(&is_awaited, 1);
            sleep_while(&state, left);
            atomic_store(&is_awaited, 0);
        }
    pthread_mutex_unlock(&one_loop);
}
