#include "daemon/core/fsck/fsck.h"
#include "daemon/core/fsck/fsck_inside.h"
#include "daemon/core/ledger/schema.h"
#include "proto/base/cleanup.h"
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct fsck_check own_checks[] = {
        { .rule = { .name = "file-integrity",
                    .clause = "DESIGN 4",
                    .sentence = "The file is whole: pages, indices and CHECKs.",
                    .audit = true },
          .run = fsck_integrity },
        { .rule = { .name = "foreign-keys",
                    .clause = "DESIGN 4",
                    .sentence = "Each row named by another exists.",
                    .audit = true },
          .run = fsck_foreign_keys },
        { .rule = { .name = "schema",
                    .clause = "DESIGN 4",
                    .sentence = "All tables, indices and triggers stand as they were made.",
                    .audit = true },
          .run = fsck_schema },
        { .rule = { .name = "audit-chain",
                    .clause = "DESIGN 1.9",
                    .sentence = "The audit rows are in sequence and each hash covers the row before.",
                    .audit = true },
          .run = fsck_audit_chain },
        { .rule = { .name = "transitions-legal",
                    .clause = "DESIGN 3",
                    .sentence = "Every move of the audit follows the life cycles.",
                    .audit = true },
          .run = fsck_transitions },
        { .rule = { .name = "no-personal-data-in-audit",
                    .clause = "DESIGN 1.9, 4",
                    .sentence = "No name and no national ID of an applicant stands in the audit.",
                    .audit = true },
          .run = fsck_personal_data },
        { .rule = { .name = "no-personal-data-elsewhere",
                    .clause = "DESIGN 4",
                    .sentence = "No name and no national ID of an applicant stands in an intent, a case, an act or a "
                                "spoil's "
                                "cause." },
          .run = fsck_personal_data_elsewhere },
        { .rule = { .name = "payload-hash",
                    .clause = "DESIGN 5",
                    .sentence = "An intent keeps the exact bytes it was made with." },
          .run = fsck_payload_hash },
        { .rule = { .name = "receipt-present",
                    .clause = "DESIGN 1.5",
                    .sentence = "A finished portal call has its receipt, for this very call and these bytes." },
          .run = fsck_receipts },
        { .rule = { .name = "approval-bytes",
                    .clause = "DESIGN 5",
                    .sentence = "The stored approvals and data hashes are those received." },
          .run = fsck_approval_bytes },
        { .rule = { .name = "authorisation-bytes",
                    .clause = "DESIGN 1.6, 5",
                    .sentence = "Headquarters' stored authorisation says what the ledger took from it." },
          .run = fsck_authorisation_bytes },
        { .rule = { .name = "photo-bytes",
                    .clause = "DESIGN 5",
                    .sentence = "The stored photos are those the approvals name." },
          .run = fsck_photo_bytes },
        { .rule = { .name = "act-digest",
                    .clause = "DESIGN 1.8",
                    .sentence = "A two-person act's digest covers its body." },
          .run = fsck_act_digest },
};

static const struct fsck_check *check_at(size_t i)
{
        if (i < ARRAY_SIZE(own_checks))
                return &own_checks[i];
        i -= ARRAY_SIZE(own_checks);
        return i < fsck_n_sql_checks ? &fsck_sql_checks[i] : NULL;
}

size_t fsck_n_rules(void)
{
        return ARRAY_SIZE(own_checks) + fsck_n_sql_checks;
}

const struct fsck_rule *fsck_rule(size_t i)
{
        const struct fsck_check *check = check_at(i);

        return check ? &check->rule : NULL;
}

void fsck_tell(struct fsck *f, const char *subject, const char *format, ...)
{
        char detail[512];
        struct fsck_fault fault = { f->rule, subject, detail };
        va_list args;

        f->n_faults++;
        if (f->n_of_rule++ >= FSCK_ROWS_MAX || !f->say)
                return;
        va_start(args, format);
        (void)vsnprintf(detail, sizeof detail, format, args);
        va_end(args);
        f->say(f->context, &fault);
}

static int run_sql(struct fsck *f, const char *sql)
{
        struct db_rows rows;

        if (db_query(f->db, &rows, f->err, sql, "") < 0)
                return -1;
        while (db_next(&rows))
                fsck_tell(f, db_text(&rows, 0) ? db_text(&rows, 0) : "-", "%s",
                          db_text(&rows, 1) ? db_text(&rows, 1) : "");
        return db_end(&rows);
}

static bool wanted(const struct fsck_rule *rule, bool audit_only, const struct fsck_portal *portal)
{
        return audit_only ? rule->audit : !rule->portal || (portal && portal->n_pending == 0);
}

static int run_rules(struct db *db, bool audit_only, struct fsck_portal *portal, fsck_say_fn say, void *context,
                     int64_t *ret_faults, struct error *err)
{
        struct fsck f = { .db = db, .say = say, .context = context, .err = err };
        const struct fsck_check *check;
        int r = schema_check_version(db, err) < 0 ? -1 : db_script(db, fsck_setup, err);

        if (r == 0 && portal)
                r = fsck_portal_load(db, portal, err);
        for (size_t i = 0; r == 0 && (check = check_at(i)); i++) {
                if (!wanted(&check->rule, audit_only, portal))
                        continue;
                f.rule = &check->rule;
                f.n_of_rule = 0;
                r = check->sql ? run_sql(&f, check->sql) : check->run(&f);
        }
        if (r == 0)
                *ret_faults = f.n_faults;
        return r;
}

int fsck_run(struct db *db, bool audit_only, fsck_say_fn say, void *context, int64_t *ret_faults, struct error *err)
{
        return run_rules(db, audit_only, NULL, say, context, ret_faults, err);
}

static int copy_all(struct db *from, struct db *to, struct error *err)
{
        sqlite3_backup *backup = sqlite3_backup_init(to->handle, "main", from->handle, "main");
        int r = backup ? sqlite3_backup_step(backup, -1) : SQLITE_ERROR;

        (void)sqlite3_backup_finish(backup);
        if (r == SQLITE_DONE)
                return 0;
        return err_set(err, ERR_INPUT, ORIGIN_SQLITE, (uint32_t)r, REASON_LEDGER, "cannot read the ledger: %s",
                       sqlite3_errstr(r));
}

/* SQLite forgets CHECKs of a file opened read-only (observed, 3.40.1), so the rules run on an unnamed private copy. */
static int open_copy(const char *path, struct db *ret, struct error *err)
{
        cleanup(db_close) struct db file = { 0 };

        if (db_open(&file, path, true, err) < 0 || db_open(ret, "", false, err) < 0)
                return -1;
        return copy_all(&file, ret, err);
}

int fsck_file(const char *path, bool audit_only, fsck_say_fn say, void *context, int64_t *ret_faults, struct error *err)
{
        cleanup(db_close) struct db copy = { 0 };

        if (open_copy(path, &copy, err) < 0)
                return -1;
        return fsck_run(&copy, audit_only, say, context, ret_faults, err);
}

int fsck_file_portal(const char *path, struct fsck_portal *portal, fsck_say_fn say, void *context, int64_t *ret_faults,
                     struct error *err)
{
        cleanup(db_close) struct db copy = { 0 };

        if (open_copy(path, &copy, err) < 0)
                return -1;
        return run_rules(&copy, false, portal, say, context, ret_faults, err);
}
