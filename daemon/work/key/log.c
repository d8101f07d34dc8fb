#include "daemon/work/key/store_private.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/text/date.h"
#include <openssl/evp.h>
#include <string.h>

DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)

struct row {
        int64_t seq;
        const char *at, *event, *body;
};

/* SHA-256 over: domain 00 | previous hash | seq, 8 bytes | at 00 | event 00 | body. */
static int chain(const uint8_t prev[STORE_HASH_SIZE], const struct row *row, uint8_t ret[STORE_HASH_SIZE])
{
        static const char domain[] = "mohr-key-log-v1";
        cleanup(EVP_MD_CTX_free_p) EVP_MD_CTX *c = EVP_MD_CTX_new();
        uint8_t number[8];

        for (unsigned i = 0; i < sizeof number; i++)
                number[i] = (uint8_t)((uint64_t)row->seq >> (56 - 8 * i));
        return c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(c, domain, sizeof domain) == 1 &&
                               EVP_DigestUpdate(c, prev, STORE_HASH_SIZE) == 1 &&
                               EVP_DigestUpdate(c, number, sizeof number) == 1 &&
                               EVP_DigestUpdate(c, row->at, strlen(row->at) + 1) == 1 &&
                               EVP_DigestUpdate(c, row->event, strlen(row->event) + 1) == 1 &&
                               EVP_DigestUpdate(c, row->body, strlen(row->body)) == 1 &&
                               EVP_DigestFinal_ex(c, ret, NULL) == 1
                       ? 0
                       : -1;
}

static const char *text(sqlite3_stmt *s, int column)
{
        const char *t = (const char *)sqlite3_column_text(s, column);

        return t ? t : "";
}

static bool blob_is(sqlite3_stmt *s, int column, const uint8_t expected[STORE_HASH_SIZE])
{
        const void *p = sqlite3_column_blob(s, column);

        return p && sqlite3_column_bytes(s, column) == STORE_HASH_SIZE && memcmp(p, expected, STORE_HASH_SIZE) == 0;
}

int log_load(struct store *store, struct error *err)
{
        cleanup(sql_finalize_p) sqlite3_stmt *s =
                sql_query(store->db, "SELECT seq, at, event, body, prev, hash FROM log ORDER BY seq", NULL, 0, err);
        int r = s ? sqlite3_step(s) : SQLITE_ERROR;

        if (!s)
                return -1;
        store->seq = 0;
        memset(store->head, 0, sizeof store->head);
        for (; r == SQLITE_ROW; r = sqlite3_step(s)) {
                struct row row = { sqlite3_column_int64(s, 0), text(s, 1), text(s, 2), text(s, 3) };
                uint8_t hash[STORE_HASH_SIZE];

                if (row.seq != store->seq + 1 || chain(store->head, &row, hash) < 0 || !blob_is(s, 4, store->head) ||
                    !blob_is(s, 5, hash))
                        return err_own(err, ERR_BUG, REASON_FSCK, "key store: the log's chain is broken at row %lld",
                                       (long long)row.seq);
                memcpy(store->head, hash, sizeof hash);
                store->seq = row.seq;
        }
        return r == SQLITE_DONE ? 0 : sql_error(store->db, "read the log", err);
}

int log_load_head(struct store *store, struct error *err)
{
        cleanup(sql_finalize_p) sqlite3_stmt *s =
                sql_query(store->db, "SELECT seq, hash FROM log ORDER BY seq DESC LIMIT 1", NULL, 0, err);

        if (!s)
                return -1;
        store->seq = 0;
        memset(store->head, 0, sizeof store->head);
        if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_bytes(s, 1) == STORE_HASH_SIZE) {
                store->seq = sqlite3_column_int64(s, 0);
                memcpy(store->head, sqlite3_column_blob(s, 1), STORE_HASH_SIZE);
        }
        return 0;
}

static int insert(struct store *store, const struct row *row, struct error *err)
{
        uint8_t hash[STORE_HASH_SIZE];

        if (chain(store->head, row, hash) < 0)
                return err_own(err, ERR_BUG, REASON_INTERNAL, "no memory for a hash");
        if (sql_run(store->db, "INSERT INTO log VALUES(?, ?, ?, ?, ?, ?)",
                    SQL_VALUES(SQL_N(row->seq), SQL_T(row->at), SQL_T(row->event), SQL_T(row->body),
                               SQL_B(store->head, STORE_HASH_SIZE), SQL_B(hash, STORE_HASH_SIZE)),
                    err) < 0)
                return -1;
        store->seq = row->seq;
        memcpy(store->head, hash, sizeof hash);
        return 0;
}

int log_add(struct store *store, const char *event, json_t *body, int64_t now, struct error *err)
{
        char at[TIME_TEXT_MAX];
        char *encoded = body ? json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        int r;

        json_decref(body);
        if (!encoded)
                return err_own(err, ERR_BUG, REASON_INTERNAL, "no memory for the key log");
        time_format(now, at);
        r = insert(store, &(struct row){ store->seq + 1, at, event, encoded }, err);
        free(encoded);
        return r;
}

int store_log(struct store *store, const char *event, json_t *body, int64_t now, struct error *err)
{
        if (store_begin(store, err) < 0) {
                json_decref(body);
                return -1;
        }
        FAULT_COMMIT("key.log");
        return store_end(store, log_add(store, event, body, now, err), err);
}

int store_head(struct store *store, int64_t *ret_seq, uint8_t ret_hash[STORE_HASH_SIZE], struct error *err)
{
        if (log_load_head(store, err) < 0)
                return -1;
        *ret_seq = store->seq;
        memcpy(ret_hash, store->head, STORE_HASH_SIZE);
        return 0;
}
