/* The script of the fakes: the last line whose first two words are these gives the rest, "" when there is none. */
#pragma once
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static inline const char *script_action(const char *dir, const char *who, const char *step)
{
        static char found[100];
        char path[160], line[200], head[100];
        FILE *f;

        found[0] = '\0';
        (void)snprintf(path, sizeof path, "%s/script", dir);
        (void)snprintf(head, sizeof head, "%s %s ", who, step);
        f = fopen(path, "r");
        while (f && fgets(line, sizeof line, f)) {
                line[strcspn(line, "\n")] = '\0';
                if (strncmp(line, head, strlen(head)) == 0)
                        (void)snprintf(found, sizeof found, "%.99s", line + strlen(head));
        }
        if (f)
                (void)fclose(f);
        return found;
}

/* Written whole in one call: it stands there even when the writer is killed next. */
static inline void script_effect(const char *dir, const char *word)
{
        char path[160], line[200];
        int fd, n;

        (void)snprintf(path, sizeof path, "%s/effects", dir);
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        n = snprintf(line, sizeof line, "%.190s\n", word);
        if (fd >= 0 && write(fd, line, (size_t)n) < 0)
                perror(path);
        if (fd >= 0)
                (void)close(fd);
}
