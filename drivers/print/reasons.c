#include "drivers/print/reasons.h"
#include "proto/base/cleanup.h"
#include <string.h>

static const struct row {
        const char *keyword;
        enum reason reason;
} rows[] = {
        { "media-empty", REASON_PRINTER_EMPTY },
        { "media-needed", REASON_PRINTER_EMPTY },
        { "input-media-supply-empty", REASON_PRINTER_EMPTY },
        { "input-tray-missing", REASON_PRINTER_EMPTY },
        { "marker-supply-empty", REASON_RIBBON_OUT },
        { "marker-supply-missing", REASON_RIBBON_OUT },
        { "toner-empty", REASON_RIBBON_OUT },
        { "media-jam", REASON_PRINTER_JAM },
        { "cover-open", REASON_PRINTER_COVER },
        { "door-open", REASON_PRINTER_COVER },
        { "interlock-open", REASON_PRINTER_COVER },
        { "offline", REASON_PRINTER_FAILED },
        { "timed-out", REASON_PRINTER_FAILED },
        { "shutdown", REASON_PRINTER_FAILED },
        { "output-area-full", REASON_PRINTER_FAILED },
        { "mohr-once-refused", REASON_PRINT_REFUSED },
};

/* Length of the keyword without its severity (RFC 8011 5.4.12). */
static size_t stem(const char *keyword)
{
        static const char *const suffixes[] = { "-error", "-warning", "-report" };
        size_t n = strlen(keyword);

        for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
                size_t m = strlen(suffixes[i]);

                if (n > m && strcmp(keyword + n - m, suffixes[i]) == 0)
                        return n - m;
        }
        return n;
}

static bool is(const char *keyword, const char *name)
{
        size_t n = stem(keyword);

        return strlen(name) == n && strncmp(keyword, name, n) == 0;
}

enum reason reasons_map(const char *keyword)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (is(keyword, rows[i].keyword))
                        return rows[i].reason;
        return REASON_NONE;
}

bool reasons_history_missing(const char *keyword)
{
        return is(keyword, "cups-ipp-missing-job-history");
}
