#include "drivers/print/conf.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* no, off, false and 0 seconds (cupsd: conf.c, its boolean and time values). */
static bool says_no(const char *value)
{
        static const char *const words[] = { "no", "off", "false", "0" };

        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (strcasecmp(value, words[i]) == 0)
                        return true;
        return false;
}

bool conf_keeps_files(const char *path)
{
        char *line = NULL, key[64], value[64];
        FILE *f = fopen(path, "re");
        bool keeps = true;
        size_t size = 0;

        if (!f)
                return false;
        while (getline(&line, &size, f) >= 0)
                if (sscanf(line, " %63s %63s", key, value) == 2 && strcasecmp(key, "PreserveJobFiles") == 0)
                        keeps = !says_no(value);
        free(line);
        (void)fclose(f);
        return keeps;
}
