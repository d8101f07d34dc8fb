/* What mohr-key remembers for itself: which approval is spent on which chip, what became of each chip, and a
 * hash-chained log of every session and signature. DESIGN 1.1, 1.6, 1.7, 2; reliability B (t_key_refuses).
 *
 * SQLite at STATE/key.db, one connection, exclusive; TRUNCATE journal, synchronous EXTRA, both read back; the chain is
 * checked when it is opened. No personal data. Every writing call is one transaction and is durable when it answers 0;
 * an error leaves nothing changed, or, after a failed COMMIT, the change whole: each call may simply be made again.
 *
 * The rule of spending, per application:
 *   no card yet                          -> yes (a re-issue too: the former card was spoiled before its chip)
 *   the latest card's chip, serial, data -> yes: the same pair is served again
 *   an authorisation not used here, for the latest card's serial or for one never written here, and not older than
 *   the last one used                    -> yes, once
 *   a statement that the latest serial, or one never written here, was spoiled unregistered, where the station is set
 *   to `registered`                      -> yes, once per serial
 *   anything else                        -> key_spent, authorisation_used, chip_taken or serial_used */
#pragma once
#include "proto/base/json.h"

enum { STORE_CHIP_SIZE = 10, STORE_HASH_SIZE = 32, STORE_ATTEMPTS_MAX = 10 };

struct store;

/* Opens or creates. 0, or -1 and *err (ledger, disk_full, or fsck when the log's chain is
 * broken). */
int store_open(const char *folder, struct store **ret, struct error *err);
void store_close(struct store *store); /* accepts NULL */

struct store_claim {
        const char *application;
        uint8_t data_sha256[STORE_HASH_SIZE];
        const char *authorisation;       /* its id, or NULL */
        const char *spoiled_serial;      /* of the authorisation */
        int64_t granted_at;              /* of the authorisation */
        const char *unregistered_serial; /* NULL unless the station is set to `registered` and the core states it */
        const uint8_t *chip_id;          /* NULL: asked before the chip is known */
        const char *serial;              /* with chip_id */
};

/* May it be spent so? Writes nothing. 0, or -1 and *err (INPUT or CARD with one of the reasons above). */
int store_check(struct store *store, const struct store_claim *claim, struct error *err);
/* The same, and spends it, logging the signature over sod_sha256. chip_id and serial are given (asserted). */
int store_spend(struct store *store, const struct store_claim *claim, const uint8_t sod_sha256[STORE_HASH_SIZE],
                int64_t now, struct error *err);

/* Before a session's first command leaves: raises the chip's attempts, durably. Refused (CARD): chip_budget after a
 * mismatch or STORE_ATTEMPTS_MAX attempts that never opened; chip_locked when lock is false and the chip was made
 * unverifiable; key_refused when lock is true and this station never opened the chip. */
int store_attempt(struct store *store, const uint8_t chip_id[STORE_CHIP_SIZE], bool lock, int64_t now,
                  struct error *err);
enum store_event { STORE_OPENED, STORE_MISMATCH, STORE_RETIRED, STORE_WRITTEN, STORE_LOCKED };
/* What became of a chip: opened clears its attempts, mismatch parks it, retired is before a lock script leaves. */
int store_chip(struct store *store, const uint8_t chip_id[STORE_CHIP_SIZE], enum store_event event, int64_t now,
               struct error *err);
/* One more row of the log, e.g. for a QR statement or a refusal. body: new reference, taken. */
int store_log(struct store *store, const char *event, json_t *body, int64_t now, struct error *err);
/* Rows of the log and the last hash. */
int store_head(struct store *store, int64_t *ret_seq, uint8_t ret_hash[STORE_HASH_SIZE], struct error *err);
