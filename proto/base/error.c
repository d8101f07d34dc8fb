#include "proto/base/error.h"
#include "proto/base/cleanup.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const kinds[] = {
        [ERR_RETRY] = "retry", [ERR_OPERATOR] = "operator", [ERR_CARD] = "card",
        [ERR_INPUT] = "input", [ERR_UNKNOWN] = "unknown",   [ERR_BUG] = "bug",
};
static const char *const origins[] = {
        [ORIGIN_OWN] = "own",   [ORIGIN_OS] = "os",         [ORIGIN_PCSC] = "pcsc",
        [ORIGIN_SW] = "sw",     [ORIGIN_IPP] = "ipp",       [ORIGIN_CURL] = "curl",
        [ORIGIN_HTTP] = "http", [ORIGIN_SQLITE] = "sqlite", [ORIGIN_PKCS11] = "pkcs11",
};

int err_set(struct error *err, enum error_kind kind, enum error_origin origin, uint32_t code, enum reason reason,
            const char *format, ...)
{
        va_list args;

        *err = (struct error){ .kind = kind, .origin = origin, .reason = reason, .code = code };
        va_start(args, format);
        (void)vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        for (char *c = err->text; *c; c++)
                if (*c == '\n')
                        *c = ' ';
        return -1;
}

static bool find(const char *const *names, size_t n, const char *name, unsigned *ret)
{
        for (size_t i = 0; i < n; i++) {
                if (names[i] && strcmp(names[i], name) == 0) {
                        *ret = (unsigned)i;
                        return true;
                }
        }
        return false;
}

const char *error_kind_name(enum error_kind kind)
{
        return kinds[kind];
}

bool error_kind_parse(const char *name, enum error_kind *ret)
{
        unsigned i;

        if (!find(kinds, ARRAY_SIZE(kinds), name, &i))
                return false;
        *ret = (enum error_kind)i;
        return true;
}

const char *error_origin_name(enum error_origin origin)
{
        return origins[origin];
}

bool error_origin_parse(const char *name, enum error_origin *ret)
{
        unsigned i;

        if (!find(origins, ARRAY_SIZE(origins), name, &i))
                return false;
        *ret = (enum error_origin)i;
        return true;
}
