/* What the ledger's transactions need of its file. */
#pragma once
#include "daemon/core/ledger/ledger.h"

/* Opens l->path with all settings, each read back. 0, or -1 and *err. */
int ledger_open_file(struct ledger *l, struct error *err);
/* Epoch and last audit row as the file has them. 0, or -1 and *err. */
int ledger_read_head(struct ledger *l, struct error *err);
