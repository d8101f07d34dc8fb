/* make-ledger [--every-state] PATH: the ledgers of fsck-ledger.h as a file, for tests in Python and for the dump of a
 * schema before it changes (tests/data/ledger). */
#include "tests/unit/fsck-ledger.h"
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
        if (argc == 3 && strcmp(argv[1], "--every-state") == 0)
                every_state_ledger(argv[2]);
        else if (argc == 2)
                healthy_ledger(argv[1]);
        else
                return fprintf(stderr, "usage: make-ledger [--every-state] PATH\n"), 2;
        return 0;
}
