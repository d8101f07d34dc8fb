/* Every key of mohr.conf: one row each. The parser, --check-config, the man page and config/mohr.conf read it. */
#pragma once
#include "daemon/core/config/config.h"
#include <stddef.h>

enum config_section {
        SECTION_STATION,
        SECTION_PORTAL,
        SECTION_KEY,
        SECTION_CHIP,
        SECTION_PRINT,
        SECTION_RENDER,
        SECTION_LINE,   /* named */
        SECTION_PERSON, /* named */
        SECTION_COUNT
};

enum config_type {
        CONFIG_TEXT, /* char *: min..max bytes */
        CONFIG_WORD, /* unsigned: index in words */
        CONFIG_INT,  /* int64_t: min..max */
        CONFIG_BOOL, /* bool: yes or no */
        CONFIG_PATH, /* char *: absolute, min..max bytes */
        CONFIG_NAME, /* char *: letters, digits, '.', '_', '-' */
        CONFIG_HEX,  /* char *: min..max bytes as hexadecimal */
        CONFIG_DATE, /* char *: YYYY-MM-DD */
};

struct config_key {
        enum config_section section;
        const char *name;
        enum config_type type;
        size_t offset; /* in struct config, config_line or config_person */
        int64_t min, max;
        const char *const *words; /* NULL-terminated, for CONFIG_WORD */
        const char *fallback;     /* the default; NULL = required */
        const char *example;      /* for the sample file where there is no default */
        const char *sentence;
};

extern const struct config_key config_table[];
extern const size_t config_table_n;
const char *config_section_name(enum config_section section); /* "station" */
bool config_section_named(enum config_section section);       /* [line NAME], [person NAME] */
/* Range and default of a key in words, for people: "1 to 65535", "yes or no". */
void config_range(const struct config_key *key, char *ret, size_t max);
/* The whole table as a commented sample file (`mohrd --print-config`) or as man page paragraphs (roff). */
void config_print_sample(FILE *to);
void config_print_man(FILE *to);
