#include "daemon/core/fsck/fsck_inside.h"
#include "daemon/core/ledger/audit.h"
#include "daemon/core/ledger/machine.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct audit_row read_row(const struct db_rows *rows)
{
        return (struct audit_row){ .seq = db_int(rows, 0),
                                   .epoch = db_int(rows, 1),
                                   .boot_id = db_text(rows, 4),
                                   .t_wall = db_int(rows, 5),
                                   .t_boot = db_int(rows, 6),
                                   .actor = db_text(rows, 7),
                                   .role = db_text(rows, 8),
                                   .event = db_text(rows, 9),
                                   .entity = db_text(rows, 10),
                                   .subject = db_text(rows, 11),
                                   .from_state = db_text(rows, 12),
                                   .to_state = db_text(rows, 13),
                                   .intent = db_text(rows, 14),
                                   .body = db_text(rows, 15) };
}

static void tell_row(struct fsck *f, int64_t seq, const char *what)
{
        char key[32];

        (void)snprintf(key, sizeof key, "%" PRId64, seq);
        fsck_tell(f, key, "%s", what);
}

/* Each row is judged against the hash the row before it claims, so one altered row is one fault, not a thousand. */
int fsck_audit_chain(struct fsck *f)
{
        char prev[AUDIT_HASH_TEXT], hash[AUDIT_HASH_TEXT];
        struct db_rows rows;
        int64_t seq = 0;

        memcpy(prev, audit_first_prev, sizeof prev);
        if (db_query(f->db, &rows, f->err, "SELECT * FROM audit ORDER BY seq", "") < 0)
                return -1;
        while (db_next(&rows)) {
                struct audit_row row = read_row(&rows);

                if (row.seq != ++seq)
                        tell_row(f, row.seq, "rows before it are missing");
                else if (strcmp(db_text(&rows, 2), prev) != 0)
                        tell_row(f, row.seq, "it does not follow the row before it");
                audit_hash(db_text(&rows, 2), &row, hash);
                if (strcmp(hash, db_text(&rows, 3)) != 0)
                        tell_row(f, row.seq, "its hash does not cover what it says");
                (void)snprintf(prev, sizeof prev, "%s", db_text(&rows, 3));
                seq = row.seq;
        }
        return db_end(&rows);
}

static bool entity_by_name(const char *name, enum entity *ret)
{
        for (unsigned i = 0; i < ENTITY_COUNT; i++) {
                if (strcmp(entity_name((enum entity)i), name) == 0) {
                        *ret = (enum entity)i;
                        return true;
                }
        }
        return false;
}

static bool is_legal(enum entity entity, const char *from, const char *event, const char *to)
{
        const char *next;

        if (!from)
                return strcmp(event, "born") == 0 && machine_is_initial(entity, to);
        next = machine_next(entity, from, event);
        return next && strcmp(next, to) == 0;
}

int fsck_transitions(struct fsck *f)
{
        struct db_rows rows;
        enum entity entity;

        if (db_query(f->db, &rows, f->err,
                     "SELECT seq, entity, subject, event, from_state, to_state FROM fsck_step WHERE to_state IS NOT "
                     "NULL ORDER BY seq",
                     "") < 0)
                return -1;
        while (db_next(&rows)) {
                const char *from = db_text(&rows, 4), *event = db_text(&rows, 3), *to = db_text(&rows, 5);

                if (!entity_by_name(db_text(&rows, 1), &entity))
                        fsck_tell(f, db_text(&rows, 2), "audit row %" PRId64 " moves a '%s'", db_int(&rows, 0),
                                  db_text(&rows, 1));
                else if (!is_legal(entity, from, event, to))
                        fsck_tell(f, db_text(&rows, 2), "audit row %" PRId64 ": '%s' leads from %s to %s",
                                  db_int(&rows, 0), event, from ? from : "nothing", to);
        }
        return db_end(&rows);
}

/* ---- personal data ------------------------------------------------------------------------------------------------
 * Names are Persian, so only texts with other letters than ASCII are compared with all names; national IDs are words of
 * ten digits, looked up by index. */

static int look_up_id(struct fsck *f, const char *subject, const char *digits)
{
        char id[11];
        int64_t n = 0;

        (void)snprintf(id, sizeof id, "%.10s", digits);
        if (db_get_int(f->db, &n, f->err, "SELECT count(*) FROM person WHERE national_id=?1", "s", id) < 0)
                return -1;
        if (n > 0)
                fsck_tell(f, subject, "holds a national ID");
        return 0;
}

/* Ten digits inside a longer word are part of a digest or an id. */
static int scan_digits(struct fsck *f, const char *subject, const char *text)
{
        bool inside = false;

        while (*text) {
                size_t n = strspn(text, "0123456789");

                if (n == 10 && !inside && !isalnum((unsigned char)text[n]) && look_up_id(f, subject, text) < 0)
                        return -1;
                text += n > 0 ? n : 1;
                inside = isalnum((unsigned char)text[-1]);
        }
        return 0;
}

static int scan_ids(struct fsck *f, const char *sql)
{
        struct db_rows rows;
        int r = 0;

        if (db_query(f->db, &rows, f->err, sql, "") < 0)
                return -1;
        while (r == 0 && db_next(&rows))
                r = scan_digits(f, db_text(&rows, 0), db_text(&rows, 1));
        return db_end(&rows) < 0 ? -1 : r;
}

static int scan_names(struct fsck *f, const char *sql)
{
        struct db_rows rows;

        if (db_query(f->db, &rows, f->err, sql, "") < 0)
                return -1;
        while (db_next(&rows))
                fsck_tell(f, db_text(&rows, 0), "holds a person's name");
        return db_end(&rows);
}

#define TEN_DIGITS "'*[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]*'"
#define IDS_OF(places) "SELECT subject, text FROM fsck_text WHERE place " places " AND text GLOB " TEN_DIGITS
#define NAMES_OF(places)                                                                          \
        "SELECT DISTINCT t.subject FROM fsck_text t JOIN person p ON instr(t.text, p.name)>0 OR " \
        "(p.name_key<>'' AND instr(t.text, p.name_key)>0) WHERE t.place " places " AND t.text GLOB '*[^ -~]*'"

int fsck_personal_data(struct fsck *f)
{
        return scan_ids(f, IDS_OF("='audit'")) < 0 || scan_names(f, NAMES_OF("='audit'")) < 0 ? -1 : 0;
}

int fsck_personal_data_elsewhere(struct fsck *f)
{
        return scan_ids(f, IDS_OF("<>'audit'")) < 0 || scan_names(f, NAMES_OF("<>'audit'")) < 0 ? -1 : 0;
}
