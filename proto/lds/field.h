/* Tables of data elements: the tag, coding and place of each member of a plain struct. One table serves builder and
 * parser. Codings (docs/card-applet.md): text is UTF-8 without control and bidi characters, code is printable ASCII,
 * a date is 8 ASCII digits YYYYMMDD (4 bytes BCD are accepted on reading), a time 14, a number two bytes big endian. */
#pragma once
#include "proto/base/bytes.h"

enum lds_coding { LDS_TEXT, LDS_CODE, LDS_DATE, LDS_TIME, LDS_U16 };

struct lds_field {
        uint32_t tag;
        enum lds_coding coding;
        bool required;
        size_t offset, size; /* in the struct; size counts the NUL */
};
#define LDS_FIELD(tag, coding, required, type, member)                                     \
        {                                                                                  \
                tag, coding, required, offsetof(type, member), sizeof(((type *)0)->member) \
        }

/* Appends the elements in table order; an empty text or zero that is not required is left out. w fails for a required
 * text that is empty, and for one that breaks its coding. */
void lds_fields_put(struct writer *w, const struct lds_field *table, size_t n, const void *from);
/* Appends the tag list 5C of the elements that lds_fields_put would write. */
void lds_fields_put_list(struct writer *w, const struct lds_field *table, size_t n, const void *from);
/* Reads elements in any order; unknown tags are skipped. False for a duplicate, a missing required one, a value that
 * breaks its coding or does not fit. Members of absent elements stay as they were. */
bool lds_fields_take(struct bytes in, const struct lds_field *table, size_t n, void *ret);
/* The text rule: valid UTF-8, no control, bidi, or invisible character but ZWNJ (U+200C). */
bool lds_text_ok(struct bytes text);
