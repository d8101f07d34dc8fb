/* Brings the ledger of an older version to this program's schema (DESIGN 4): a verified backup first, then everything
 * in one transaction with its own audit row. Cut off at any instruction, the ledger is as it was.
 *
 * The steps, one per schema left behind, carry columns and rows forward by plain SQL in the old shape. Then every
 * table, index and trigger whose text is not that of a fresh ledger is made anew and its rows are copied in their
 * order, so that a migrated schema is a fresh one's to the letter (`mohr fsck`, rule schema). No row is left behind: a
 * table whose columns or count would not all arrive stops the migration. */
#pragma once
#include "daemon/core/ledger/ledger.h"

enum { MIGRATE_OLDEST = 1 };

/* Copies the ledger through SQLite's backup API to PATH.schema-FROM.TIME beside it (a new file, mode 0600; "-2" behind
 * it for a second one of that second), and reads the copy back: integrity, schema, head of the audit. The name into
 * ret. Blocks for the whole copy. */
int migrate_backup(struct db *db, const char *path, char *ret, size_t max, struct error *err);
/* Refuses (OPERATOR, SCHEMA_OTHER) while a card was in work when the former version ended, or when this version cannot
 * come from there; the ledger is untouched then. Else backup and migration; l is open and its head read, outside a
 * transaction. Afterwards the file must be opened anew: pragmas of the migration are still set. */
int migrate_ledger(struct ledger *l, struct error *err);
