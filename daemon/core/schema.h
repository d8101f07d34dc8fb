/* The ledger's schema (schema.sql) and what is made from the transition table: triggers and rows. */
#pragma once
#include "daemon/core/db.h"

enum { SCHEMA_VERSION = 1 };

extern const char schema_sql[];

/* Creates the schema in an empty database, inside the caller's transaction, and sets user_version. */
int schema_create(struct db *db, struct error *err);
/* 0 when the file's schema is this program's; else -1 (LEDGER): newer, foreign, or its transitions differ from ours. */
int schema_check(struct db *db, struct error *err);
