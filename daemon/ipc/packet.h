/* Packets on SOCK_SEQPACKET (unix(7)): one JSON object of at most IPC_MAX bytes, at most one sealed memfd.
 *
 * Both ends use it: the core with its end non-blocking, a worker with its end blocking. Blobs are memfd_create(2)
 * descriptors with all four seals; the receiver checks seals and size before use. */
#pragma once
#include "proto/ipc/envelope.h"

/* Sends m and, when blob >= 0, a duplicate of that descriptor (the caller keeps its own). 0, or -1 and *err: RETRY
 * with code EAGAIN when a non-blocking socket is full, else BUG (too large) or UNKNOWN (the peer is gone). */
int packet_send(int fd, const struct ipc_message *m, int blob, struct error *err);
/* 1 message (caller: ipc_message_done, close *ret_blob when >= 0), 0 end of file, -1 and *err: code EAGAIN, EINTR or
 * ECONNRESET (which stands BEFORE queued packets: read on), INPUT for a malformed packet. */
int packet_recv(int fd, struct ipc_message *ret, int *ret_blob, struct error *err);

/* A sealed blob with these bytes; the caller closes it. -1 and *err without memory. */
int blob_new(struct bytes data, struct error *err);
/* Maps a checked blob read-only. *ret is valid until blob_unmap. 0, or -1 and *err when unsealed, empty or too large.
 */
int blob_map(int fd, struct bytes *ret, struct error *err);
void blob_unmap(struct bytes *b); /* accepts a zeroed one; fits cleanup() */
