/* The card's side of a SCP03 channel (GPC Amendment D v1.1.1; S16 as in v1.2): challenge, mutual authentication, taking
 * the protection off commands and putting it on answers. Pure: no memory of the card, no wire. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/card/apdu.h"
#include "tests/sim/card/crypto.h"

enum channel_state {
        CHANNEL_CLOSED,
        CHANNEL_CHALLENGED, /* INITIALIZE UPDATE answered */
        CHANNEL_OPEN,
        CHANNEL_ABORTED /* AmdD 5.6: refuses all until INITIALIZE UPDATE or SELECT */
};

enum { LEVEL_C_MAC = 0x01, LEVEL_C_ENC = 0x02, LEVEL_R_MAC = 0x10, LEVEL_R_ENC = 0x20 };
enum { I_S16 = 0x01, I_PSEUDO_RANDOM = 0x10, I_R_MAC = 0x20, I_R_ENC = 0x40 };

struct channel {
        enum channel_state state;
        uint8_t i, level;
        size_t n_key, n_mac; /* n_mac: 8 (S8) or 16 (S16), also the size of challenges and cryptograms */
        uint8_t s_enc[KEY_MAX], s_mac[KEY_MAX], s_rmac[KEY_MAX];
        uint8_t host_cryptogram[BLOCK];
        uint8_t mcv[BLOCK], ctr[BLOCK];
};

/* Starts a channel; host_challenge has 8 or 16 bytes after i. aid is the invoking application for a pseudo-random
 * challenge (seq(3) | AID under Key-ENC); without I_PSEUDO_RANDOM the challenge comes from the system's generator.
 * Writes challenge and cryptogram, n_mac bytes each, and leaves the state CHALLENGED. */
void channel_challenge(struct channel *channel, uint8_t i, const uint8_t keys[3][KEY_MAX], size_t n_key, uint32_t seq,
                       const uint8_t *aid, size_t n_aid, const uint8_t *host_challenge, uint8_t *ret_challenge,
                       uint8_t *ret_cryptogram);

/* True when this card offers the level at all. */
bool channel_offers(const struct channel *channel, uint8_t level);

/* Checks host cryptogram and C-MAC of an EXTERNAL AUTHENTICATE of the right length: OPEN, or CLOSED and false. */
bool channel_authenticate(struct channel *channel, const struct command *command);

/* Verifies and removes C-MAC and C-ENC in place; false leaves the channel ABORTED. */
bool channel_unwrap(struct channel *channel, struct command *command);

/* Puts R-ENC and R-MAC on an answer with SW 9000, 62xx or 63xx (AmdD 6.2.5); others stay bare. */
void channel_wrap(const struct channel *channel, struct answer *answer);
