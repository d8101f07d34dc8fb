/* Inside the store only: the handle, the transaction helper and the log's chain. */
#pragma once
#include "daemon/work/key/sql.h"
#include "daemon/work/key/store.h"

enum { CHIP_TEXT_MAX = 2 * STORE_CHIP_SIZE + 1, HASH_TEXT_MAX = 2 * STORE_HASH_SIZE + 1 };

struct store {
        sqlite3 *db;
        int64_t seq; /* of the log's last row */
        uint8_t head[STORE_HASH_SIZE];
};

int store_begin(struct store *store, struct error *err);
/* Commits when result is 0, else rolls back; afterwards seq and head are those of the file. */
int store_end(struct store *store, int result, struct error *err);

/* Checks the whole chain, then seq and head stand. */
int log_load(struct store *store, struct error *err);
/* seq and head as the file has them. */
int log_load_head(struct store *store, struct error *err);
/* Appends inside a transaction. body is taken. */
int log_add(struct store *store, const char *event, json_t *body, int64_t now, struct error *err);
