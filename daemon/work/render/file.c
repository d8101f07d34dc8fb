#include "daemon/work/render/file.h"
#include "proto/base/cleanup.h"
#include "proto/base/ensure.h"
#include <openssl/sha.h>
#include <stdio.h>

static void file_p(FILE **f)
{
        if (*f)
                (void)fclose(*f);
}

int file_read(const char *dir, const char *name, size_t max, struct bytes *ret, struct error *err)
{
        char path[4096];
        cleanup(file_p) FILE *f = NULL;
        cleanup(free_p) uint8_t *data = malloc(max + 1);
        size_t n;

        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        f = fopen(path, "re");
        if (!f || !data)
                return err_input(err, REASON_LAYOUT_BAD, "cannot read '%s'", name);
        n = fread(data, 1, max + 1, f);
        if (n == 0 || n > max || ferror(f))
                return err_input(err, REASON_LAYOUT_BAD, "'%s' is empty, unreadable or too large", name);
        *ret = (struct bytes){ steal(&data), n };
        return 0;
}

void file_digest(struct bytes data, uint8_t ret[32])
{
        ensure(SHA256(data.p, data.n, ret) != NULL);
}
