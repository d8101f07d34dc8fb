#include "daemon/core/config.h"
#include "daemon/core/config_value.h"
#include "proto/base/bytes.h"
#include "proto/base/cleanup.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
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

/* Bytes of the UTF-8 character at s, 0 when it is malformed (RFC 3629 4) or a control character. */
static size_t character(const unsigned char *s, size_t n)
{
        size_t size = s[0] < 0x80 ? 1 : s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;

        if ((s[0] < 0x20 && s[0] != '\t') || s[0] == 0x7F || (s[0] >= 0x80 && s[0] < 0xC2) || s[0] > 0xF4 || size > n)
                return 0;
        for (size_t i = 1; i < size; i++)
                if ((s[i] & 0xC0) != 0x80)
                        return 0;
        if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
            (s[0] == 0xF4 && s[1] > 0x8F))
                return 0;
        return size;
}

/* Column, in characters from 1, of the byte at offset `at`. */
static unsigned column_of(const char *line, size_t at)
{
        unsigned column = 1;

        for (size_t i = 0; i < at; i++)
                column += ((unsigned char)line[i + 1] & 0xC0) != 0x80;
        return column;
}

static bool line_is_text(struct parse *p, struct bytes line)
{
        unsigned column = 1;

        while (line.n > 0) {
                size_t size = character(line.p, line.n);

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
                fault(p, p->line, column_of(line, (size_t)(text - line) + n), "']' is missing");
                return;
        }
        text[n - 1] = '\0';
        name = text + 1 + strcspn(text + 1, " \t");
        if (*name)
                *name++ = '\0';
        name += strspn(name, " \t");
        column = column_of(line, (size_t)(name - line));
        if (!find_section(text + 1, &p->section)) {
                fault(p, p->line, column_of(line, (size_t)(text + 1 - line)), "unknown section '%s'", text + 1);
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

static char *trim(char *text)
{
        size_t n;

        text += strspn(text, " \t");
        for (n = strlen(text); n > 0 && strchr(" \t", text[n - 1]); n--)
                ;
        text[n] = '\0';
        return text;
}

/* Takes double quotes off; false when only one of them is there. */
static bool unquote(char **value)
{
        size_t n = strlen(*value);

        if (**value != '"')
                return true;
        if (n < 2 || (*value)[n - 1] != '"' || memchr(*value + 1, '"', n - 2))
                return false;
        (*value)[n - 1] = '\0';
        ++*value;
        return true;
}

static void set_key(struct parse *p, size_t i, char *value, unsigned column)
{
        const struct config_key *key = &config_table[i];
        char range[160];
        const char *why = "quotes must stand in pairs around the value";

        p->seen_keys |= UINT64_C(1) << i;
        if (unquote(&value) && config_value_set(key, value, base_of(p), &why))
                return;
        p->section_failed = true;
        config_range(key, range, sizeof range);
        fault(p, p->line, column, "%s: %s; allowed: %s", key->name, why, range);
}

/* original: the line before it was cut into pieces, for the columns. */
static void take_key(struct parse *p, const char *original, char *line)
{
        char *equals = strchr(line, '='), *name, *value;
        unsigned name_column = column_of(original, strspn(original, " \t"));
        size_t i;

        if (!equals) {
                fault(p, p->line, name_column, "neither a section, a comment nor KEY = VALUE");
                return;
        }
        *equals = '\0';
        name = trim(line);
        value = trim(equals + 1);
        if (p->section_line == 0)
                fault(p, p->line, name_column, "'%s' stands before the first section", name);
        if (!p->base)
                return; /* of a section that was refused as a whole */
        if (!find_key(p->section, name, &i))
                fault(p, p->line, name_column, "[%s] has no key '%s'", config_section_name(p->section), name);
        else if (p->seen_keys & UINT64_C(1) << i)
                fault(p, p->line, name_column, "'%s' stands twice", name);
        else
                set_key(p, i, value, column_of(original, (size_t)(value - line)));
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
        text = trim(line);
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

static int read_file(const char *file, char *ret, size_t max, size_t *ret_n, struct error *err)
{
        cleanup(close_p) int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        size_t n = 0;
        ssize_t r;

        while (fd >= 0 && n < max && (r = read(fd, ret + n, max - n)) != 0) {
                if (r < 0)
                        break;
                n += (size_t)r;
        }
        if (fd < 0 || (n == 0 && errno != 0))
                return err_set(err, ERR_INPUT, ORIGIN_OS, (uint32_t)errno, REASON_BAD_CONFIG, "%.120s: %s", file,
                               strerror(errno));
        if (n == max)
                return err_set(err, ERR_INPUT, ORIGIN_OS, EFBIG, REASON_BAD_CONFIG, "%.120s: %s", file,
                               strerror(EFBIG));
        *ret_n = n;
        return 0;
}

int config_load(const char *file, struct config *ret, config_fault_fn say, void *context, struct error *err)
{
        cleanup(free_p) char *text = malloc(CONFIG_FILE_MAX);
        size_t n = 0;

        errno = 0;
        if (!text)
                return err_own(err, ERR_BUG, REASON_INTERNAL, "no memory for the configuration");
        if (read_file(file, text, CONFIG_FILE_MAX, &n, err) < 0)
                return -1;
        return config_parse(file, text, n, ret, say, context, err);
}

static void free_section(enum config_section section, void *base)
{
        for (size_t i = 0; i < config_table_n; i++)
                if (config_table[i].section == section)
                        config_value_free(&config_table[i], base);
}

void config_done(struct config *c)
{
        for (unsigned s = 0; s < SECTION_COUNT; s++)
                if (!config_section_named((enum config_section)s))
                        free_section((enum config_section)s, c);
        for (size_t i = 0; i < c->n_lines; i++)
                free_section(SECTION_LINE, &c->lines[i]);
        *c = (struct config){ 0 };
}

const struct config_line *config_line_by_name(const struct config *c, const char *name)
{
        for (size_t i = 0; i < c->n_lines; i++)
                if (strcmp(c->lines[i].name, name) == 0)
                        return &c->lines[i];
        return NULL;
}

static void print_fault(void *context, const char *file, unsigned line, unsigned column, const char *text)
{
        fprintf(context, "%s:%u:%u: %s\n", file, line, column, text);
}

int config_check(const char *file, FILE *to)
{
        struct config config = { 0 };
        struct error err = { 0 };

        if (config_load(file, &config, print_fault, to, &err) == 0) {
                config_done(&config);
                fprintf(to, "%s: good\n", file);
                return 0;
        }
        if (err.origin == ORIGIN_OS) /* not said by print_fault */
                fprintf(to, "%s\n", err.text);
        return 3;
}
