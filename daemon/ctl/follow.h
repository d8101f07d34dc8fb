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

/* Starts an act by a POST of body (taken), and unless told otherwise follows it to its end when the answer says that it
 * runs; then, or when it was done at once, says `done`. line may be NULL: nothing can run. The exit status. */
int ctl_start(struct ctl *c, const char *line, enum act act, const char *path, json_t *body, bool wait,
              const char *done);
/* The line whose reader takes a card to be locked: the named one, the one it was printed on, the only one; NULL: none.
 * Borrowed from the two (new references, released by the caller). */
const char *ctl_reader_line(struct ctl *c, const char *name, const char *serial, json_t **ret_status,
                            json_t **ret_blank);
