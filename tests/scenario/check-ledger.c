/* check-ledger FILE: every invariant of the ledger on a copy, one line per fault; exit 0 when there is none. */
#include "daemon/core/fsck/fsck.h"
#include <stdio.h>

static void say(void *context, const struct fsck_fault *fault)
{
        (void)context;
        printf("%s: %s: %s\n", fault->rule->name, fault->subject, fault->detail);
}

int main(int argc, char **argv)
{
        int64_t faults = 0;
        struct error err;

        if (argc != 2)
                return 2;
        if (fsck_file(argv[1], false, say, NULL, &faults, &err) < 0) {
                printf("%s\n", err.text);
                return 2;
        }
        return faults == 0 ? 0 : 1;
}
