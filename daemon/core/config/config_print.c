#include "daemon/core/config/config_table.h"
#include "proto/base/cleanup.h"
#include <string.h>

static void words_range(const struct config_key *key, char *ret, size_t max)
{
        size_t n = 0;

        for (unsigned i = 0; key->words[i] && n < max; i++) {
                const char *before = i == 0 ? "" : key->words[i + 1] ? ", " : " or ";

                n += (size_t)snprintf(ret + n, max - n, "%s%s", before, key->words[i]);
        }
}

void config_range(const struct config_key *key, char *ret, size_t max)
{
        long long least = key->min, most = key->max;

        switch (key->type) {
        case CONFIG_TEXT:
                (void)snprintf(ret, max, "%lld to %lld bytes of text", least, most);
                return;
        case CONFIG_WORD:
                words_range(key, ret, max);
                return;
        case CONFIG_INT:
                (void)snprintf(ret, max, "%lld to %lld", least, most);
                return;
        case CONFIG_BOOL:
                (void)snprintf(ret, max, "yes or no");
                return;
        case CONFIG_PATH:
                (void)snprintf(ret, max, "absolute path of at most %lld bytes", most);
                return;
        case CONFIG_NAME:
                (void)snprintf(ret, max, "%lld to %lld of letters, digits, '.', '_' and '-'", least, most);
                return;
        case CONFIG_HEX:
                (void)snprintf(ret, max, "%lld to %lld bytes in hexadecimal", least, most);
                return;
        case CONFIG_DATE:
                (void)snprintf(ret, max, "YYYY-MM-DD");
                return;
        }
}

static bool starts_section(size_t i)
{
        return i == 0 || config_table[i].section != config_table[i - 1].section;
}

static void print_wrapped(FILE *to, const char *text)
{
        size_t column = 2;

        fputs("# ", to);
        while (*text) {
                size_t n = strcspn(text, " ");

                if (column + n > 100) {
                        fputs("\n# ", to);
                        column = 2;
                }
                fprintf(to, "%.*s%s", (int)n, text, text[n] ? " " : "");
                column += n + 1;
                text += n + (text[n] ? 1 : 0);
        }
        fputc('\n', to);
}

static void print_sample_key(FILE *to, const struct config_key *key)
{
        char range[160], comment[600];

        config_range(key, range, sizeof range);
        (void)snprintf(comment, sizeof comment, "%s (%s%s%s)", key->sentence, range, key->fallback ? "" : "; ",
                       key->fallback ? "" : "required");
        print_wrapped(to, comment);
        if (key->fallback)
                fprintf(to, "#%s = %s\n", key->name, *key->fallback ? key->fallback : "");
        else
                fprintf(to, "%s = %s\n", key->name, key->example);
}

void config_print_sample(FILE *to)
{
        fputs("# The issuance station's configuration. Lines that start with # are comments; a key that is commented\n"
              "# out shows its default. Check the file with: mohrd --check-config FILE\n",
              to);
        for (size_t i = 0; i < config_table_n; i++) {
                enum config_section section = config_table[i].section;

                if (starts_section(i))
                        fprintf(to, "\n[%s%s]\n", config_section_name(section),
                                section == SECTION_LINE     ? " 1"
                                : section == SECTION_PERSON ? " expert-1"
                                                            : "");
                print_sample_key(to, &config_table[i]);
        }
}

static void print_man_key(FILE *to, const struct config_key *key)
{
        char range[160];

        config_range(key, range, sizeof range);
        fprintf(to, ".TP\n.B %s\n%s\nAllowed: %s.", key->name, key->sentence, range);
        if (!key->fallback)
                fprintf(to, " Required.\nExample: %s\n", key->example);
        else if (*key->fallback)
                fprintf(to, " Default: %s.\n", key->fallback);
        else
                fprintf(to, " Default: empty.\nExample: %s\n", key->example);
}

void config_print_man(FILE *to)
{
        for (size_t i = 0; i < config_table_n; i++) {
                if (starts_section(i))
                        fprintf(to, ".SS [%s%s]\n", config_section_name(config_table[i].section),
                                config_section_named(config_table[i].section) ? " NAME" : "");
                print_man_key(to, &config_table[i]);
        }
}
