#include "daemon/audit-verify/verify.h"
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

/* Columns in the order in which the hash covers them; prev and hash themselves come last. */
static const char rows_sql[] = "SELECT seq, epoch, boot_id, t_wall, t_boot, actor, role, event, entity, subject, "
                               "from_state, to_state, intent, body, prev, hash FROM audit ORDER BY seq, rowid";
static const char *const names[] = { "seq",    "epoch",   "boot_id",    "t_wall",   "t_boot", "actor", "role", "event",
                                     "entity", "subject", "from_state", "to_state", "intent", "body",  "prev", "hash" };
enum column {
        SEQ,
        EPOCH,
        BOOT,
        WALL,
        BOOT_MS,
        ACTOR,
        ROLE,
        EVENT,
        ENTITY,
        SUBJECT,
        FROM,
        TO,
        INTENT,
        BODY,
        PREV,
        HASH
};

static void add(EVP_MD_CTX *md, const void *p, size_t n)
{
        if (EVP_DigestUpdate(md, p, n) != 1)
                give_up("SHA-256 fails");
}

static struct value value(sqlite3_stmt *s, enum column c)
{
        const unsigned char *text = sqlite3_column_text(s, (int)c);

        return (struct value){ (const char *)text, text ? (size_t)sqlite3_column_bytes(s, (int)c) : 0 };
}

static void add_netstring(EVP_MD_CTX *md, struct value v)
{
        char length[24];

        if (!v.text) {
                add(md, "-1:,", 4);
                return;
        }
        add(md, length, (size_t)snprintf(length, sizeof length, "%zu:", v.n));
        add(md, v.text, v.n);
        add(md, ",", 1);
}

static void row_hash(EVP_MD_CTX *md, sqlite3_stmt *s, char ret[HASH_TEXT])
{
        static const char digits[] = "0123456789abcdef", label[] = "mohr-audit-v1";
        struct value prev = value(s, PREV);
        unsigned char digest[EVP_MAX_MD_SIZE];

        if (EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
                give_up("SHA-256 fails");
        add(md, label, sizeof label); /* with its NUL */
        add(md, prev.text ? prev.text : "", prev.n);
        for (enum column c = SEQ; c <= BODY; c++)
                add_netstring(md, value(s, c));
        if (EVP_DigestFinal_ex(md, digest, NULL) != 1)
                give_up("SHA-256 fails");
        for (size_t i = 0; i < 32; i++) {
                ret[2 * i] = digits[digest[i] >> 4];
                ret[2 * i + 1] = digits[digest[i] & 15];
        }
        ret[64] = '\0';
}

static bool is_number(enum column c)
{
        return c == SEQ || c == EPOCH || c == WALL || c == BOOT_MS;
}

static bool may_be_null(enum column c)
{
        return c == FROM || c == TO || c == INTENT;
}

/* A value of another type may read as the same text: the hash would not see it. */
static void check_types(struct verify *v, sqlite3_stmt *s, int64_t seq)
{
        for (enum column c = SEQ; c <= HASH; c++) {
                int type = sqlite3_column_type(s, (int)c);

                if (type == (is_number(c) ? SQLITE_INTEGER : SQLITE_TEXT) || (type == SQLITE_NULL && may_be_null(c)))
                        continue;
                fault_row(v, seq, "column %s has the wrong type", names[c]);
        }
}

static void check_place(struct verify *v, int64_t seq)
{
        if (seq == v->seq + 1)
                return;
        if (v->n_rows > 0 && seq == v->seq)
                fault_row(v, seq, "this sequence number stands twice");
        else if (seq < 1)
                fault_row(v, seq, "no row may have this sequence number");
        else if (seq == v->seq + 2)
                fault_row(v, seq, "row %" PRId64 " before it is missing", seq - 1);
        else
                fault_row(v, seq, "rows %" PRId64 " to %" PRId64 " before it are missing", v->seq + 1, seq - 1);
}

/* Each row is judged against what the row before it claims, so that one altered row is one fault, not all after it. */
static void check_link(struct verify *v, EVP_MD_CTX *md, sqlite3_stmt *s, int64_t seq)
{
        struct value prev = value(s, PREV), hash = value(s, HASH);
        char own[HASH_TEXT];

        if (!prev.text || prev.n != 64 || memcmp(prev.text, v->head, 64) != 0)
                fault_row(v, seq, "does not follow the row before it");
        row_hash(md, s, own);
        if (!hash.text || hash.n != 64 || memcmp(hash.text, own, 64) != 0)
                fault_row(v, seq, "its hash does not cover what it says");
        (void)snprintf(v->head, sizeof v->head, "%s", hash.text ? hash.text : "");
}

static void check_row(struct verify *v, EVP_MD_CTX *md, sqlite3_stmt *s)
{
        int64_t seq = sqlite3_column_int64(s, SEQ), epoch = sqlite3_column_int64(s, EPOCH);

        check_types(v, s, seq);
        check_place(v, seq);
        check_link(v, md, s, seq);
        if (v->n_rows == 0)
                v->first_epoch = epoch;
        if (epoch < 1 || (v->n_rows > 0 && epoch < v->epoch))
                fault_row(v, seq, "epoch %" PRId64 " after epoch %" PRId64, epoch, v->n_rows > 0 ? v->epoch : 0);
        replay_row(v, seq, value(s, ENTITY), value(s, SUBJECT), value(s, EVENT), value(s, FROM), value(s, TO));
        v->seq = seq;
        v->epoch = epoch;
        v->n_rows++;
}

static void check_meta_epoch(struct verify *v)
{
        sqlite3_stmt *s = query(v, "SELECT value FROM meta WHERE key='epoch'");
        const char *text = next_row(v, s) ? (const char *)sqlite3_column_text(s, 0) : NULL;
        char want[24];

        (void)snprintf(want, sizeof want, "%" PRId64, v->epoch);
        if (!text || (v->n_rows > 0 && strcmp(text, want) != 0))
                fault(v, "meta epoch", "is %s, the last row's is %s", text ? text : "missing", want);
        (void)sqlite3_finalize(s);
}

void check_chain(struct verify *v)
{
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        sqlite3_stmt *s = query(v, rows_sql);

        if (!md)
                give_up("out of memory");
        memset(v->head, '0', sizeof v->head - 1); /* the first row's prev: 64 times '0' */
        v->head[sizeof v->head - 1] = '\0';
        while (next_row(v, s))
                check_row(v, md, s);
        (void)sqlite3_finalize(s);
        EVP_MD_CTX_free(md);
        check_meta_epoch(v);
}
