/* Live progress of one act on a line, until its outcome is known. */
#pragma once
#include "daemon/ctl/ctl.h"

enum act { ACT_PRINT, ACT_CHIP };

/* Looks at the line before an act is asked for: what its last outcome was. */
struct follow {
        struct ctl *ctl;
        const char *line;
        enum act act;
        int64_t before; /* time of the last outcome, -1: none */
        char serial[21], intent[37];
};
int follow_prepare(struct follow *f, struct ctl *c, const char *line, enum act act, struct error *err);
/* After the act was accepted: steps and a bar on stderr, until it ended. 0 and the outcome (new reference), -1 and
 * *err: what the act failed with, or unknown when the station was restarted meanwhile; 1 after Ctrl-C: the act goes on.
 */
int follow_run(struct follow *f, json_t **ret_outcome, struct error *err);
