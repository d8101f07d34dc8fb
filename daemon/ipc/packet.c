#define _GNU_SOURCE
#include "daemon/ipc/packet.h"
#include "proto/base/cleanup.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

static const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

union control {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
};

static int send_error(struct error *err)
{
        enum error_kind kind = errno == EAGAIN ? ERR_RETRY : ERR_UNKNOWN;

        return err_set(err, kind, ORIGIN_OS, (uint32_t)errno, REASON_WORKER_LOST, "cannot send to a worker: %s",
                       strerror(errno));
}

int packet_send(int fd, const struct ipc_message *m, int blob, struct error *err)
{
        cleanup(json_p) json_t *json = ipc_encode(m);
        char text[IPC_MAX];
        size_t n = json ? json_dumpb(json, text, sizeof text, JSON_COMPACT) : 0;
        struct iovec iov = { text, n };
        union control control = { 0 };
        struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n == 0 || n > sizeof text)
                return err_own(err, ERR_BUG, REASON_INTERNAL, "message '%s' does not fit a packet", m->name);
        if (blob >= 0) {
                control.header = (struct cmsghdr){ CMSG_LEN(sizeof blob), SOL_SOCKET, SCM_RIGHTS };
                memcpy(CMSG_DATA(&control.header), &blob, sizeof blob);
                header.msg_control = &control;
                header.msg_controllen = sizeof control;
        }
        return sendmsg(fd, &header, MSG_NOSIGNAL) < 0 ? send_error(err) : 0;
}

static int control_fd(struct msghdr *header)
{
        struct cmsghdr *c = CMSG_FIRSTHDR(header);
        int fd = -1;

        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
                memcpy(&fd, CMSG_DATA(c), sizeof fd);
        return fd;
}

int packet_recv(int fd, struct ipc_message *ret, int *ret_blob, struct error *err)
{
        char text[IPC_MAX];
        struct iovec iov = { text, sizeof text };
        union control control;
        struct msghdr header = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
        };
        ssize_t n = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
        cleanup(close_p) int blob = n < 0 ? -1 : control_fd(&header);
        cleanup(json_p) json_t *json = NULL;

        if (n < 0)
                return err_set(err, ERR_RETRY, ORIGIN_OS, (uint32_t)errno, REASON_WORKER_LOST, "%s", strerror(errno));
        if (n == 0)
                return 0;
        if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
                return err_input(err, REASON_BAD_JSON, "packet too large");
        json = json_strict((struct bytes){ (const uint8_t *)text, (size_t)n }, IPC_MAX, err);
        if (!json || ipc_decode(json, ret, err) < 0)
                return -1;
        *ret_blob = steal_fd(&blob);
        return 1;
}

static int write_all(int fd, struct bytes data)
{
        while (data.n > 0) {
                ssize_t n = write(fd, data.p, data.n);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return -1;
                data.p += n;
                data.n -= (size_t)n;
        }
        return 0;
}

int blob_new(struct bytes data, struct error *err)
{
        cleanup(close_p) int fd = memfd_create("mohr-blob", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        if (fd < 0 || write_all(fd, data) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
                return err_set(err, ERR_RETRY, ORIGIN_OS, (uint32_t)errno, REASON_INTERNAL, "no memory for a blob");
        return steal_fd(&fd);
}

int blob_map(int fd, struct bytes *ret, struct error *err)
{
        int have = fcntl(fd, F_GET_SEALS);
        struct stat st;
        void *p;

        if (have < 0 || (have & seals) != seals)
                return err_input(err, REASON_BAD_REQUEST, "blob is missing or not sealed");
        if (fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > IPC_BLOB_MAX)
                return err_input(err, REASON_BAD_REQUEST, "blob is empty or too large");
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
                return err_set(err, ERR_RETRY, ORIGIN_OS, (uint32_t)errno, REASON_INTERNAL, "cannot map a blob");
        *ret = (struct bytes){ p, (size_t)st.st_size };
        return 0;
}

void blob_unmap(struct bytes *b)
{
        if (b->p)
                (void)munmap((void *)(uintptr_t)b->p, b->n);
        *b = (struct bytes){ NULL, 0 };
}
