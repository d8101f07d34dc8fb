/* How flows end: kept on the line for status, told to listeners, logged once. */
#pragma once
#include "daemon/core/card/line.h"

/* err NULL: it went well. */
void outcome_set(struct line *line, struct outcome *o, const char *what, const char *application, const char *serial,
                 const char *intent, const struct error *err);
json_t *outcome_json(const struct outcome *o); /* new reference; null before the first */
/* The error as outcomes and views tell it: {"kind","origin","code","reason","text","advice"}. New reference. */
json_t *outcome_error_json(const struct error *e);
