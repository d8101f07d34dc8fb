#include "daemon/core/config/config.h"
#include "daemon/core/config/config_value.h"
#include "proto/base/cleanup.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

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
