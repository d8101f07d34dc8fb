#define _GNU_SOURCE
#include "daemon/work/key/file.h"
#include "proto/base/cleanup.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

static int refuse(struct error *err, const char *path, const char *what)
{
        return err_input(err, REASON_BAD_CONFIG, "%s: %s", path, what);
}

int file_read(const char *path, uint8_t *ret, size_t max, size_t *ret_n, struct error *err)
{
        cleanup(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
        size_t n = 0;
        uint8_t more;

        if (fd < 0)
                return refuse(err, path, strerror(errno));
        while (n < max) {
                ssize_t got = read(fd, ret + n, max - n);

                if (got < 0)
                        return refuse(err, path, strerror(errno));
                if (got == 0)
                        break;
                n += (size_t)got;
        }
        if (n == 0 || (n == max && read(fd, &more, 1) != 0))
                return refuse(err, path, n == 0 ? "empty" : "too large");
        *ret_n = n;
        return 0;
}
