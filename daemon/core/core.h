/* The core: what all parts of mohrd share. One process, one loop, one ledger; no part keeps a second copy of a state.
 */
#pragma once
#include "daemon/core/card/line.h"
#include "daemon/core/config/config.h"
#include "daemon/core/ledger/intent.h"
#include "daemon/core/loop/loop.h"
#include "daemon/core/loop/notify.h"
#include "daemon/core/people/actor.h"
#include "daemon/core/portal/anchor.h"
#include "daemon/core/portal/outbox.h"
#include "daemon/core/portal/sync.h"
#include "daemon/core/supervise/supervise.h"
#include "daemon/core/web/web.h"

enum { APPLICATION_TEXT = 33, SERIAL_TEXT = 21, SHA256_TEXT = 65 };

struct core {
        struct config config;
        struct loop loop;
        struct ledger ledger;
        struct events events;
        struct notify notify;
        struct web *web;
        struct work *net, *key, *render;
        struct line lines[CONFIG_LINES_MAX];
        size_t n_lines;
        struct outbox outbox;
        struct sync sync;
        struct anchor anchor;
        struct timer orphans;             /* recover.h */
        struct bytes portal_ca, chip_ca;  /* PEM, owned, NUL-terminated behind n */
        char profile_sha256[SHA256_TEXT]; /* of the chip profile's bytes: pinned per card */
        size_t photo_max;                 /* bytes of a photo that its chip holds */
        struct {
                int64_t at_ms, boot_ms; /* the portal's time in its last hello, and when that came; 0: none yet */
        } witness;
        bool ledger_lost; /* a transaction answered STOP: the core ends with status 9 */
};

/* Opens everything in order; on a fault everything is closed again. */
int core_open(struct core *c, const char *config_file, struct error *err);
/* Makes a new, empty ledger of this epoch, which headquarters gave out for a new installation (DESIGN 5), and nothing
 * else. Refused when there is a ledger already. */
int core_new_ledger(const char *config_file, int64_t epoch, struct error *err);
int core_run(struct core *c, struct error *err);
void core_close(struct core *c); /* accepts a zeroed one */

/* ledger_commit for the core: true only for DONE. STOP ends the loop: nothing may act on a ledger in doubt. */
bool core_commit(struct core *c, struct error *err);
/* Tells the console and `mohr` that something changed; ids and states only. json is taken. */
void core_publish(struct core *c, const char *name, json_t *json);
struct who core_who(const struct config_person *person);
/* The day at the station, YYYY-MM-DD. */
void core_today(const struct core *c, char ret[11]);
/* Nothing prints while the clock stands before its floor: the last receipt or the configured date (DESIGN 3, Dates);
 * nor while it is a day or more away from the portal's last hello, on either side: the issue date would be wrong. Then
 * the portal is asked anew, for it may be the portal's clock that was wrong. */
int core_clock_check(struct core *c, struct error *err);
/* A receipt that was surely made just now: hello's, which is never repeated. Unsigned dates count for nothing. */
void core_clock_heard(struct core *c, int64_t at_s);
/* Whether a receipt's time can be true by the station's own clock; one a day ahead must not raise the floor for ever.
 */
bool core_clock_believes(int64_t at_s);
