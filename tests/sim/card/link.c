#include "tests/sim/card/link.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel clears it at will: set again around each recv, or Debian's vpcd (length and APDU in two sends) costs 44 ms
 * per command. */
static void arm_quickack(int fd)
{
        int on = 1;

        (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

int link_dial(const char *host, const char *port)
{
        struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found = NULL;
        int fd, on = 1;

        if (getaddrinfo(host, port, &hints, &found) != 0)
                return -1;
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) < 0) {
                close(fd);
                fd = -1;
        }
        freeaddrinfo(found);
        if (fd < 0)
                return -1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return fd;
}

static bool read_all(int fd, uint8_t *ret_bytes, size_t n)
{
        while (n > 0) {
                ssize_t got;

                arm_quickack(fd);
                got = recv(fd, ret_bytes, n, 0);
                arm_quickack(fd);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        return false;
                ret_bytes += got;
                n -= (size_t)got;
        }
        return true;
}

bool link_receive(int fd, uint8_t *ret_payload, size_t *ret_n)
{
        uint8_t head[2];
        size_t n;

        if (!read_all(fd, head, sizeof head))
                return false;
        n = (size_t)(head[0] << 8 | head[1]);
        if (!read_all(fd, ret_payload, n))
                return false;
        *ret_n = n;
        return true;
}

bool link_send(int fd, const uint8_t *payload, size_t n)
{
        uint8_t frame[2 + 1024];
        size_t done = 0;

        assert(n <= sizeof frame - 2);
        frame[0] = (uint8_t)(n >> 8);
        frame[1] = (uint8_t)n;
        memcpy(frame + 2, payload, n);
        while (done < n + 2) {
                ssize_t put = send(fd, frame + done, n + 2 - done, MSG_NOSIGNAL);

                if (put < 0 && errno == EINTR)
                        continue;
                if (put < 0)
                        return false;
                done += (size_t)put;
        }
        return true;
}
