/* The ledger's schema (schema.sql) and what is made from the transition table: triggers and rows. */
#pragma once
#include "daemon/core/ledger/db.h"

enum { SCHEMA_VERSION = 2 };

extern const char schema_sql[];

/* Writes this program's life cycles into the empty table `transition`. */
int schema_fill_transitions(struct db *db, struct error *err);
/* Creates the schema in an empty database, inside the caller's transaction, and sets user_version. */
int schema_create(struct db *db, struct error *err);
/* 0 when the file's schema is this program's; else -1: SCHEMA_OTHER for another version's, LEDGER when its transitions
 * differ from ours. */
int schema_check(struct db *db, struct error *err);
/* The version alone: 0, or -1 (SCHEMA_OTHER) and a sentence that says what to do. */
int schema_check_version(struct db *db, struct error *err);
