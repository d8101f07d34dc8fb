/* Rules about stored bytes: what is hashed is what stands there (DESIGN 1.5, 5). */
#include "daemon/core/fsck/fsck_inside.h"
#include "daemon/core/ledger/audit.h"
#include "proto/base/cleanup.h"
#include "proto/base/json.h"
#include "proto/base64.h"
#include <string.h>

enum { PAYLOAD_MAX = 65536 }; /* of a JWS: proto/portal/jws.h */

/* Rows of (key, bytes, hash): every hash is its bytes'. */
static int compare_hashes(struct fsck *f, const char *sql, const char *what)
{
        char hash[AUDIT_HASH_TEXT];
        struct db_rows rows;

        if (db_query(f->db, &rows, f->err, sql, "") < 0)
                return -1;
        while (db_next(&rows)) {
                sha256_hex(db_bytes(&rows, 1), hash);
                if (db_is_null(&rows, 2) || strcmp(hash, db_text(&rows, 2)) != 0)
                        fsck_tell(f, db_text(&rows, 0), "%s", what);
        }
        return db_end(&rows);
}

int fsck_payload_hash(struct fsck *f)
{
        return compare_hashes(f, "SELECT id, payload, payload_sha256 FROM intent WHERE payload IS NOT NULL",
                              "its bytes are not those it was made with");
}

int fsck_photo_bytes(struct fsck *f)
{
        return compare_hashes(f, "SELECT sha256, bytes, sha256 FROM photo", "the photo is not the one approved");
}

int fsck_act_digest(struct fsck *f)
{
        return compare_hashes(f, "SELECT id, CAST(body AS BLOB), digest FROM act",
                              "what stands there is not what was signed");
}

/* The exact bytes between the dots of HEADER.PAYLOAD.SIGNATURE (RFC 7515 3.1); false when there are none. */
static bool jws_payload(struct bytes jws, uint8_t *ret, size_t *ret_n)
{
        const uint8_t *first = jws.n ? memchr(jws.p, '.', jws.n) : NULL, *second;
        size_t rest;

        if (!first)
                return false;
        rest = jws.n - (size_t)(first + 1 - jws.p);
        second = rest ? memchr(first + 1, '.', rest) : NULL;
        return second &&
               base64url_decode((struct bytes){ first + 1, (size_t)(second - first - 1) }, ret, PAYLOAD_MAX, ret_n);
}

int fsck_approval_bytes(struct fsck *f)
{
        cleanup(free_p) uint8_t *payload = malloc(PAYLOAD_MAX);
        char hash[AUDIT_HASH_TEXT];
        struct db_rows rows;
        size_t n = 0;

        if (!payload)
                return err_own(f->err, ERR_RETRY, REASON_INTERNAL, "no memory");
        if (compare_hashes(f, "SELECT id, approval, approval_sha256 FROM application WHERE approval IS NOT NULL",
                           "the approval is not the one received") < 0 ||
            db_query(f->db, &rows, f->err,
                     "SELECT id, approval, data_sha256 FROM application WHERE approval IS NOT NULL", "") < 0)
                return -1;
        while (db_next(&rows)) {
                bool whole = jws_payload(db_bytes(&rows, 1), payload, &n);

                sha256_hex((struct bytes){ payload, whole ? n : 0 }, hash);
                if (!whole || db_is_null(&rows, 2) || strcmp(hash, db_text(&rows, 2)) != 0)
                        fsck_tell(f, db_text(&rows, 0), "the data hash is not that of the approval");
        }
        return db_end(&rows);
}

static bool says(const json_t *json, const char *key, const char *value)
{
        const char *text = json_string_value(json_object_get(json, key));

        return text && value && strcmp(text, value) == 0;
}

/* What the payload of a stored JWS says; NULL when it is none. */
static json_t *payload_json(struct bytes jws, uint8_t *space)
{
        struct error ignored;
        size_t n = 0;

        return jws_payload(jws, space, &n) ? json_strict((struct bytes){ space, n }, PAYLOAD_MAX, &ignored) : NULL;
}

int fsck_authorisation_bytes(struct fsck *f)
{
        cleanup(free_p) uint8_t *payload = malloc(PAYLOAD_MAX);
        struct db_rows rows;

        if (!payload)
                return err_own(f->err, ERR_RETRY, REASON_INTERNAL, "no memory");
        if (db_query(f->db, &rows, f->err, "SELECT id, jws, application, spoiled_serial FROM reissue", "") < 0)
                return -1;
        while (db_next(&rows)) {
                cleanup(json_p) json_t *json = payload_json(db_bytes(&rows, 1), payload);

                if (!says(json, "id", db_text(&rows, 0)) || !says(json, "application", db_text(&rows, 2)) ||
                    !says(json, "spoiled_serial", db_text(&rows, 3)))
                        fsck_tell(f, db_text(&rows, 0), "headquarters authorised something else");
        }
        return db_end(&rows);
}

static bool receipt_fits(struct bytes jws, uint8_t *payload, const char *key, const char *sha256)
{
        cleanup(json_p) json_t *json = payload_json(jws, payload);

        return says(json, "key", key) && says(json, "payload_sha256", sha256);
}

int fsck_receipts(struct fsck *f)
{
        cleanup(free_p) uint8_t *payload = malloc(PAYLOAD_MAX);
        struct db_rows rows;

        if (!payload)
                return err_own(f->err, ERR_RETRY, REASON_INTERNAL, "no memory");
        if (db_query(f->db, &rows, f->err,
                     "SELECT id, receipt, payload_sha256 FROM intent WHERE receipt IS NOT NULL OR (state='done' AND "
                     "kind IN ('claim','release','begin','report','spoil','void','anchor'))",
                     "") < 0)
                return -1;
        while (db_next(&rows)) {
                if (db_is_null(&rows, 1))
                        fsck_tell(f, db_text(&rows, 0), "done without a receipt");
                else if (!receipt_fits(db_bytes(&rows, 1), payload, db_text(&rows, 0), db_text(&rows, 2)))
                        fsck_tell(f, db_text(&rows, 0), "the receipt is for another call");
        }
        return db_end(&rows);
}
