/* The card's end of vpcd's wire: TCP connect is insertion, close is removal; frames are a big-endian 16-bit length and
 * the payload (vsmartcard vpcd.c). Blocking calls. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_MAX = 65535 };
enum { LINK_OFF = 0, LINK_ON = 1, LINK_RESET = 2, LINK_ATR = 4 }; /* payload of a frame of length 1 */

/* One attempt; -1 when nobody listens. The caller closes the socket. */
int link_dial(const char *host, const char *port);

/* Waits for a frame of any length; false when the link is gone. ret_payload holds FRAME_MAX bytes. */
bool link_receive(int fd, uint8_t *ret_payload, size_t *ret_n);

/* One send for length and payload: two would meet Nagle's algorithm and the delayed acknowledgement (44 ms). */
bool link_send(int fd, const uint8_t *payload, size_t n);
