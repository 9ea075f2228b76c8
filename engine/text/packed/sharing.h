/* Part of packed.c and layer.c: how many numbers a loop over rows has to have before threads share it. They take
   microseconds to meet, and milliseconds where others want the cores. */

#define WORTH_SHARING 65536
