#include "daemon/ctl/ctl.h"
#include <stdio.h>
#include <string.h>

static const struct option_spec *find(const struct option_spec *options, const char *name, size_t n)
{
        for (; options && options->name; options++)
                if (strlen(options->name) == n && strncmp(options->name, name, n) == 0)
                        return options;
        return NULL;
}

static int complain(const char *what, const char *which)
{
        fprintf(stderr, "mohr: %s %s\n", what, which);
        return -1;
}

static int take_value(const struct option_spec *o, const char *value)
{
        if (o->value) {
                *o->value = value; /* given twice, the last one counts */
                return 0;
        }
        if (*o->n_values >= CTL_ARGS_MAX)
                return complain("too many of --", o->name);
        o->values[(*o->n_values)++] = value;
        return 0;
}

/* One argument that starts with "--"; *i moves on when it takes the next one too. */
static int take_option(const struct option_spec *options, const struct option_spec *common, int argc, char **argv,
                       int *i)
{
        const char *name = argv[*i] + 2, *equals = strchr(name, '=');
        size_t n = equals ? (size_t)(equals - name) : strlen(name);
        const struct option_spec *o = find(options, name, n);

        if (!o)
                o = find(common, name, n);
        if (!o)
                return complain("no such option:", argv[*i]);
        if (o->flag) {
                *o->flag = true;
                return equals ? complain("takes no value:", argv[*i]) : 0;
        }
        if (equals)
                return take_value(o, equals + 1);
        if (*i + 1 >= argc)
                return complain("needs a value:", argv[*i]);
        return take_value(o, argv[++*i]);
}

int args_take(struct ctl *c, int argc, char **argv, const struct option_spec *options, const char **ret_operands,
              size_t *ret_n)
{
        bool help = false, ended = false;
        const struct option_spec common[] = { { .name = "json", .flag = &c->json },
                                              { .name = "help", .flag = &help },
                                              { .name = "socket", .value = &c->socket },
                                              { .name = "config", .value = &c->config_file },
                                              { 0 } };

        *ret_n = 0;
        for (int i = 1; i < argc; i++) {
                if (!ended && strcmp(argv[i], "--") == 0) {
                        ended = true;
                } else if (!ended && strncmp(argv[i], "--", 2) == 0) {
                        if (take_option(options, common, argc, argv, &i) < 0)
                                return -1;
                } else if (*ret_n >= CTL_ARGS_MAX) {
                        return complain("too many arguments at", argv[i]);
                } else {
                        ret_operands[(*ret_n)++] = argv[i];
                }
        }
        return help ? 1 : 0;
}
