#include "daemon/core/config/config.h"
#include "daemon/core/config/config_text.h"
#include "daemon/core/config/config_value.h"
#include "proto/base/bytes.h"
#include "proto/base/cleanup.h"
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 1024 };

struct parse {
        const char *file;
        struct config *config;
        config_fault_fn say;
        void *context;
        struct error *err;
        unsigned n_faults;
        unsigned line;
        /* the section being read: base NULL = none, or one that is skipped after its fault */
        enum config_section section;
        void *base;
        unsigned section_line;
        bool section_failed; /* a value of it is wrong, so rules between values are not looked at */
        uint64_t seen_keys;
        unsigned seen_sections;
};

__attribute__((format(printf, 4, 5))) static void fault(struct parse *p, unsigned line, unsigned column,
                                                        const char *format, ...)
{
        char text[256];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        if (p->say)
                p->say(p->context, p->file, line, column, text);
        if (p->n_faults++ == 0)
                (void)err_input(p->err, REASON_BAD_CONFIG, "%.90s:%u:%u: %.90s", p->file, line, column, text);
}

static bool line_is_text(struct parse *p, struct bytes line)
{
        unsigned column = 1;

        while (line.n > 0) {
                size_t size = config_character(line.p, line.n);

                if (size == 0) {
                        fault(p, p->line, column, "bad UTF-8 or a control character");
                        return false;
                }
                line.p += size;
                line.n -= size;
                column++;
        }
        return true;
}

static void *base_of(struct parse *p)
{
        return config_section_named(p->section) ? p->base : (void *)p->config;
}

static void default_or_fault(struct parse *p, size_t i)
{
        const struct config_key *key = &config_table[i];
        const char *why;

        if (p->seen_keys & (UINT64_C(1) << i))
                return;
        if (!key->fallback)
                fault(p, p->section_line, 1, "[%s]: required key '%s' is missing", config_section_name(p->section),
                      key->name);
        else if (!config_value_set(key, key->fallback, base_of(p), &why))
                assert(key->type == CONFIG_PATH); /* only a build with a wrong prefix */
}

static const unsigned offices_of[ROLE_COUNT] = {
        [ROLE_ISSUER] = 1u << OFFICE_ASSESSMENT,
        [ROLE_ASSESSMENT_SENIOR] = 1u << OFFICE_ASSESSMENT,
        [ROLE_ASSESSMENT_HEAD] = 1u << OFFICE_ASSESSMENT,
        [ROLE_SECURITY] = 1u << OFFICE_SECURITY,
        [ROLE_DIRECTOR] = 1u << OFFICE_DIRECTORATE,
        [ROLE_IT] = 1u << OFFICE_IT,
        [ROLE_DELIVERY] = 1u << OFFICE_DELIVERY | 1u << OFFICE_ASSESSMENT,
        [ROLE_AUDITOR] = 1u << OFFICE_AUDIT,
};

static void check_person(struct parse *p, const struct config_person *person)
{
        for (const struct config_person *o = p->config->persons; o < person; o++)
                if (o->uid == person->uid)
                        fault(p, p->section_line, 1, "uid %lld belongs to '%s' already; nobody holds two offices",
                              (long long)person->uid, o->name);
        if (!(offices_of[person->role] & 1u << person->office))
                fault(p, p->section_line, 1, "role %s is not of the office %s", role_name((enum role)person->role),
                      office_name((enum office)person->office));
}

static void check_line(struct parse *p, const struct config_line *line)
{
        for (const struct config_line *o = p->config->lines; o < line; o++)
                if (o->queue && line->queue && strcmp(o->queue, line->queue) == 0)
                        fault(p, p->section_line, 1, "queue '%s' belongs to line '%s' already", o->queue, o->name);
}

static void section_end(struct parse *p)
{
        unsigned n_faults = p->n_faults;

        if (!p->base)
                return;
        for (size_t i = 0; i < config_table_n; i++)
                if (config_table[i].section == p->section)
                        default_or_fault(p, i);
        p->section_failed |= p->n_faults > n_faults;
        if (!p->section_failed && p->section == SECTION_PERSON)
                check_person(p, p->base);
        if (!p->section_failed && p->section == SECTION_LINE)
                check_line(p, p->base);
        p->base = NULL;
}

static bool find_section(const char *word, enum config_section *ret)
{
        for (unsigned s = 0; s < SECTION_COUNT; s++) {
                if (strcmp(config_section_name((enum config_section)s), word) == 0) {
                        *ret = (enum config_section)s;
                        return true;
                }
        }
        return false;
}

static bool name_is_good(const char *name)
{
        size_t n = strlen(name);

        return n >= 1 && n <= CONFIG_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == n;
}

/* The next free line or person of that name, or NULL after a fault. */
static void *section_named(struct parse *p, const char *name, unsigned column)
{
        struct config *c = p->config;
        bool line = p->section == SECTION_LINE;
        size_t n = line ? c->n_lines : c->n_persons;
        char *at;

        if (!name_is_good(name)) {
                fault(p, p->line, column, "a name of 1 to %d of a-z, 0-9, '.', '_' and '-' must follow",
                      CONFIG_NAME_MAX);
                return NULL;
        }
        for (size_t i = 0; i < n; i++) {
                if (strcmp(line ? c->lines[i].name : c->persons[i].name, name) == 0) {
                        fault(p, p->line, column, "[%s %s] stands twice", config_section_name(p->section), name);
                        return NULL;
                }
        }
        if (n == (line ? (size_t)CONFIG_LINES_MAX : (size_t)CONFIG_PERSONS_MAX)) {
                fault(p, p->line, 1, "too many sections [%s]", config_section_name(p->section));
                return NULL;
        }
        at = line ? c->lines[c->n_lines++].name : c->persons[c->n_persons++].name;
        memcpy(at, name, strlen(name) + 1);
        return line ? (void *)&c->lines[n] : (void *)&c->persons[n];
}

static void *section_single(struct parse *p, const char *name, unsigned column)
{
        if (*name) {
                fault(p, p->line, column, "[%s] takes no name", config_section_name(p->section));
                return NULL;
        }
        if (p->seen_sections & 1u << p->section) {
                fault(p, p->line, 1, "[%s] stands twice", config_section_name(p->section));
                return NULL;
        }
        return p->config;
}

/* text: the line from its '[' on, trimmed. */
static void section_begin(struct parse *p, const char *line, char *text)
{
        size_t n = strlen(text);
        char *name;
        unsigned column;

        section_end(p);
        p->section_line = p->line;
        p->section_failed = false;
        p->seen_keys = 0;
        if (text[n - 1] != ']') {
                fault(p, p->line, config_column(line, (size_t)(text - line) + n), "']' is missing");
                return;
        }
        text[n - 1] = '\0';
        name = text + 1 + strcspn(text + 1, " \t");
        if (*name)
                *name++ = '\0';
        name += strspn(name, " \t");
        column = config_column(line, (size_t)(name - line));
        if (!find_section(text + 1, &p->section)) {
                fault(p, p->line, config_column(line, (size_t)(text + 1 - line)), "unknown section '%s'", text + 1);
                return;
        }
        p->base = config_section_named(p->section) ? section_named(p, name, column) : section_single(p, name, column);
        p->seen_sections |= 1u << p->section;
}

static bool find_key(enum config_section section, const char *name, size_t *ret)
{
        for (size_t i = 0; i < config_table_n; i++) {
                if (config_table[i].section == section && strcmp(config_table[i].name, name) == 0) {
                        *ret = i;
                        return true;
                }
        }
        return false;
}

static void set_key(struct parse *p, size_t i, char *value, unsigned column)
{
        const struct config_key *key = &config_table[i];
        char range[160];
        const char *why = "quotes must stand in pairs around the value";

        p->seen_keys |= UINT64_C(1) << i;
        if (config_unquote(&value) && config_value_set(key, value, base_of(p), &why))
                return;
        p->section_failed = true;
        config_range(key, range, sizeof range);
        fault(p, p->line, column, "%s: %s; allowed: %s", key->name, why, range);
}

/* original: the line before it was cut into pieces, for the columns. */
static void take_key(struct parse *p, const char *original, char *line)
{
        char *equals = strchr(line, '='), *name, *value;
        unsigned name_column = config_column(original, strspn(original, " \t"));
        size_t i;

        if (!equals) {
                fault(p, p->line, name_column, "neither a section, a comment nor KEY = VALUE");
                return;
        }
        *equals = '\0';
        name = config_trim(line);
        value = config_trim(equals + 1);
        if (p->section_line == 0)
                fault(p, p->line, name_column, "'%s' stands before the first section", name);
        if (!p->base)
                return; /* of a section that was refused as a whole */
        if (!find_key(p->section, name, &i))
                fault(p, p->line, name_column, "[%s] has no key '%s'", config_section_name(p->section), name);
        else if (p->seen_keys & UINT64_C(1) << i)
                fault(p, p->line, name_column, "'%s' stands twice", name);
        else
                set_key(p, i, value, config_column(original, (size_t)(value - line)));
}

static void take_line(struct parse *p, struct bytes bytes)
{
        char original[LINE_BYTES + 1] = { 0 }, line[LINE_BYTES + 1];
        char *text;

        if (!line_is_text(p, bytes))
                return;
        if (bytes.n > LINE_BYTES - 1) {
                fault(p, p->line, LINE_BYTES, "line too long");
                return;
        }
        memcpy(original, bytes.p, bytes.n);
        memcpy(line, original, sizeof line);
        text = config_trim(line);
        if (*text == '[')
                section_begin(p, line, text);
        else if (*text != '\0' && *text != '#')
                take_key(p, original, line);
}

static bool section_has_required(enum config_section section)
{
        for (size_t i = 0; i < config_table_n; i++)
                if (config_table[i].section == section && !config_table[i].fallback)
                        return true;
        return false;
}

/* What no section said: defaults, or one fault for a section that must be there. */
static void take_end(struct parse *p)
{
        section_end(p);
        for (unsigned s = 0; s < SECTION_COUNT; s++) {
                enum config_section section = (enum config_section)s;

                if (p->seen_sections & 1u << s)
                        continue;
                if (section_has_required(section)) {
                        fault(p, p->line, 1, "section [%s%s] is missing", config_section_name(section),
                              config_section_named(section) ? " NAME" : "");
                        continue;
                }
                p->section = section;
                p->base = p->config;
                p->seen_keys = 0;
                section_end(p);
        }
}

int config_parse(const char *file, const char *text, size_t n, struct config *ret, config_fault_fn say, void *context,
                 struct error *err)
{
        cleanup(free_p) struct config *config = calloc(1, sizeof *config);
        struct parse p = { .file = file, .config = config, .say = say, .context = context, .err = err };

        assert(config_table_n <= 64);
        if (!config)
                return err_own(err, ERR_BUG, REASON_INTERNAL, "no memory for the configuration");
        for (size_t at = 0; at < n;) {
                const char *end = memchr(text + at, '\n', n - at);
                size_t size = end ? (size_t)(end - text) - at : n - at;

                p.line++;
                take_line(&p, (struct bytes){ (const uint8_t *)text + at, size });
                at += size + 1;
        }
        take_end(&p);
        if (p.n_faults > 0) {
                config_done(config);
                return -1;
        }
        *ret = *config;
        return 0;
}
