/* The ledger's invariants (`mohr fsck --list` lists them), each checked by name on a file nobody writes.
 *
 * Run on a snapshot of the running core, or on the ledger opened read-only while the core is down. Reading only: the
 * file is not changed (a working table lies in memory; CHECKs are only seen on a connection that may write). Blocks for
 * the whole reading, about one second per 100,000 audit rows. Used by `mohr fsck`, `mohr audit verify` and every fault
 * test. */
#pragma once
#include "daemon/core/ledger/db.h"
#include "proto/base/json.h"

enum { FSCK_ROWS_MAX = 20 }; /* faults told per rule; all are counted */

struct fsck_rule {
        const char *name;     /* "one-live-card"; a name, once released, keeps its meaning */
        const char *clause;   /* where the rule comes from */
        const char *sentence; /* what must be true */
        bool audit;           /* belongs to `mohr audit verify` */
        bool portal;          /* judged only with the portal's ledger */
};
size_t fsck_n_rules(void);
const struct fsck_rule *fsck_rule(size_t i); /* NULL beyond the last */

struct fsck_fault {
        const struct fsck_rule *rule;
        const char *subject; /* key of the offending row; no personal data */
        const char *detail;
};
typedef void (*fsck_say_fn)(void *context, const struct fsck_fault *fault); /* strings valid during the call */

/* Checks every rule but the portal's, or with audit_only those of the audit chain. 0 and the number of offending rows,
 * or -1 and *err: LEDGER when the file cannot be read to its end, SCHEMA_OTHER when it is another version's. say may be
 * NULL. */
int fsck_run(struct db *db, bool audit_only, fsck_say_fn say, void *context, int64_t *ret_faults, struct error *err);
/* The same on a file, opened read-only and copied to an unnamed temporary one (needs as much room in $SQLITE_TMPDIR or
 * /var/tmp). A ledger whose last transaction must first be rolled back cannot be read so: start the core once. */
int fsck_file(const char *path, bool audit_only, fsck_say_fn say, void *context, int64_t *ret_faults,
              struct error *err);

/* What the portal said of this station: proto/station.openapi.yaml, the items of /v1/portal/ledger. */
struct fsck_portal {
        const json_t *items; /* array */
        int64_t audit_seq;   /* the station's last audit row before the portal was asked; the file is newer */
        int64_t n_pending;   /* answer: calls that are not done here; when there are any, nothing was compared */
};
/* fsck_file, and the rules about the portal's ledger unless calls are pending. INPUT bad_json for other items. */
int fsck_file_portal(const char *path, struct fsck_portal *portal, fsck_say_fn say, void *context, int64_t *ret_faults,
                     struct error *err);
