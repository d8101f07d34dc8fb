/* The station's configuration, /etc/mohr/mohr.conf: sections of KEY = VALUE lines in UTF-8, read once at start.
 *
 *   [station]            one of each section, but of these two any number:
 *   [line NAME]          one printer queue and one reader
 *   [person NAME]        one uid, role and office; NAME is a pseudonym
 *
 * A line is blank, a comment (#), a section or a key; a value reaches to the end of the line and may stand in double
 * quotes. Unknown or repeated keys and sections, a missing required key, a value out of range, bad UTF-8, control
 * characters and a uid of two persons are refused, each with file:line:column, all in one pass. The table of keys
 * is daemon/core/config/config_table.h. Nothing in it is secret: PINs and keys live in files of their own. */
#pragma once
#include "proto/base/error.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { CONFIG_LINES_MAX = 8, CONFIG_PERSONS_MAX = 64, CONFIG_NAME_MAX = 32, CONFIG_FILE_MAX = 1 << 18 };

enum feed { FEED_ASCENDING, FEED_DESCENDING };
enum reissue_rule { REISSUE_ALWAYS, REISSUE_REGISTERED }; /* I-8 note 3 */
enum role {
        ROLE_ISSUER,            /* issuance expert: operates the station (I-6.6 to I-6.9) */
        ROLE_ASSESSMENT_SENIOR, /* annex 6 */
        ROLE_ASSESSMENT_HEAD,   /* annexes 3, 4, 6 */
        ROLE_SECURITY,          /* annexes 1, 4 */
        ROLE_DIRECTOR,          /* I-8.1.1 */
        ROLE_IT,                /* configuration, devices */
        ROLE_DELIVERY,          /* I-7.1 */
        ROLE_AUDITOR,           /* reads, never acts */
        ROLE_COUNT
};
enum office {
        OFFICE_ASSESSMENT,
        OFFICE_SECURITY,
        OFFICE_DIRECTORATE,
        OFFICE_IT,
        OFFICE_DELIVERY,
        OFFICE_AUDIT,
        OFFICE_COUNT
};
const char *role_name(enum role role);       /* "issuer", "assessment_senior", ... */
const char *office_name(enum office office); /* "assessment", ... */

struct config_line {
        char name[CONFIG_NAME_MAX + 1];
        char *queue, *reader, *gate_dir;
        char *cups_server; /* "" = the system's */
        char *pcsc_socket; /* "" = the system's */
        unsigned feed;     /* enum feed: which serial leaves the hopper next */
};

struct config_person {
        char name[CONFIG_NAME_MAX + 1];
        int64_t uid;
        unsigned role, office; /* enum role, enum office */
};

/* Texts are owned, never NULL after a good load; "" where optional and absent. Times in the unit of their name. */
struct config {
        struct {
                char *id, *province, *state_dir, *socket, *programs_dir, *clock_floor;
                int64_t console_port, timezone_minutes, retention_days;
                unsigned reissue_authorisation; /* enum reissue_rule */
                bool laboratory;
        } station;
        struct {
                char *ca, *socket;
                int64_t poll_s, limit_s, anchor_s;
        } portal;
        struct {
                char *socket;
                int64_t limit_s;
        } key;
        struct {
                char *ca, *profile, *aid, *isd_aid;
                int64_t insert_s, limit_s;
        } chip;
        struct {
                int64_t limit_s;
        } print;
        struct {
                char *layout, *layouts_dir, *fonts_dir;
                int64_t limit_s;
        } render;
        size_t n_lines, n_persons;
        struct config_line lines[CONFIG_LINES_MAX];
        struct config_person persons[CONFIG_PERSONS_MAX];
};

/* Told each fault, in the file's order: line and column count from 1, columns in characters. */
typedef void (*config_fault_fn)(void *context, const char *file, unsigned line, unsigned column, const char *text);

/* Reads the file; says every fault through `say` (NULL = nobody). 0 and *ret (config_done it), or -1 and *err
 * (INPUT, bad_config) with the first fault as "FILE:LINE:COLUMN: text". Blocks for one small file. */
int config_load(const char *file, struct config *ret, config_fault_fn say, void *context, struct error *err);
/* The same on text in memory. */
int config_parse(const char *file, const char *text, size_t n, struct config *ret, config_fault_fn say, void *context,
                 struct error *err);
void config_done(struct config *c); /* accepts a zeroed one */
/* NULL when there is no such line. */
const struct config_line *config_line_by_name(const struct config *c, const char *name);
/* `mohrd --check-config FILE`: prints each fault to `to` as FILE:LINE:COLUMN: text, or "FILE: good". 0 or 3. */
int config_check(const char *file, FILE *to);
