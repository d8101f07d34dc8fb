/* make-ledger PATH: the small healthy ledger of fsck-ledger.h as a file, for tests in Python. */
#include "tests/unit/fsck-ledger.h"
#include <stdio.h>

int main(int argc, char **argv)
{
        if (argc != 2)
                return fprintf(stderr, "usage: make-ledger PATH\n"), 2;
        healthy_ledger(argv[1]);
        return 0;
}
