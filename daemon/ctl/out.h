/* What people read: aligned tables and fields, colour only on a terminal, Persian among codes without disorder. */
#pragma once
#include "proto/base/json.h"

struct column {
        const char *title, *key; /* of the row objects; title NULL ends */
};

bool out_is_terminal(void);
/* Rows are objects; null, absent and "" show as "-". Nothing for an empty list but `none`, when given. */
void out_table(const json_t *rows, const struct column *columns, const char *none);
/* "label   value"; left out for null, absent and "". */
void out_field(const char *label, const char *value);
void out_field_of(const json_t *object, const char *label, const char *key);
void out_title(const char *text);
/* Green or red on a terminal. */
void out_mark(bool good, const char *label, const char *text);
/* Text of any value: strings as they are, numbers, yes/no; "" for null and NULL. */
const char *out_text(const json_t *value, char *buffer, size_t max);
/* Wall milliseconds as local date and time; "" for 0. */
void out_time(int64_t ms, char ret[24]);
/* Columns a terminal needs for UTF-8 text: marks and joiners count nothing. */
size_t out_width(const char *text);
