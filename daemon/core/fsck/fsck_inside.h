/* What the parts of fsck share: a rule is SQL that selects (subject, detail) of each offending row, or a function. */
#pragma once
#include "daemon/core/fsck/fsck.h"

struct fsck {
        struct db *db;
        const struct fsck_rule *rule; /* being checked */
        fsck_say_fn say;
        void *context;
        int64_t n_faults, n_of_rule;
        struct error *err;
};

struct fsck_check {
        struct fsck_rule rule;
        const char *sql;            /* NULL when run is set */
        int (*run)(struct fsck *f); /* 0, or -1 and *f->err */
};

/* One offending row. */
__attribute__((format(printf, 3, 4))) void fsck_tell(struct fsck *f, const char *subject, const char *format, ...);

/* Puts the portal's ledger where its rules look for it, and counts portal->n_pending. */
int fsck_portal_load(struct db *db, struct fsck_portal *portal, struct error *err);

/* Made at build time by fsck_embed.py from fsck_setup.sql (the tables the rules share) and the rules of fsck_cards.sql,
 * fsck_order.sql, fsck_report.sql and fsck_portal.sql. */
extern const char fsck_setup[];
extern const struct fsck_check fsck_sql_checks[];
extern const size_t fsck_n_sql_checks;

int fsck_audit_chain(struct fsck *f);
int fsck_transitions(struct fsck *f);
int fsck_personal_data(struct fsck *f);
int fsck_personal_data_elsewhere(struct fsck *f);
int fsck_payload_hash(struct fsck *f);
int fsck_receipts(struct fsck *f);
int fsck_approval_bytes(struct fsck *f);
int fsck_authorisation_bytes(struct fsck *f);
int fsck_photo_bytes(struct fsck *f);
int fsck_act_digest(struct fsck *f);
int fsck_integrity(struct fsck *f);
int fsck_foreign_keys(struct fsck *f);
int fsck_schema(struct fsck *f);
