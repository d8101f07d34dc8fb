/* One value of mohr.conf: text to a field of struct config, by its row in the table. Pure. */
#pragma once
#include "daemon/core/config/config_table.h"

/* Sets the field in base (struct config, config_line or config_person). A text is allocated and owned by the field,
 * whose former text is freed. True, or false and *ret_why (static text for people), the field unchanged. */
bool config_value_set(const struct config_key *key, const char *value, void *base, const char **ret_why);
void config_value_free(const struct config_key *key, void *base);
