/* Secure Channel Protocol 03: opening, wrapping commands, checking answers. Pure: the caller sends and receives.
 *
 * GPC Card Specification Amendment D 1.1.1 (AmdD) 4, 6, 7; the 16-byte mode S16 from Amendment D 1.2. AES-128, -192
 * and -256. The host's order is fixed by scp03_open: it checks the card's cryptogram BEFORE it makes EXTERNAL
 * AUTHENTICATE, so that a wrong key never costs the card a try.
 * Nothing in a command depends on an answer: a whole script is wrapped ahead, and each answer is checked with the
 * step of its command. After any fault the channel is dead: no command is wrapped or sent twice. */
#pragma once
#include "proto/apdu.h"
#include "proto/base/secret.h"
#include "proto/scp03_aes.h"

enum {
        SCP03_KDD_SIZE = 10,
        SCP03_CHALLENGE_MAX = 16,
        SCP03_SEQUENCE_SIZE = 3,
        SCP03_ANSWER_MAX = SCP03_KDD_SIZE + 3 + 2 * SCP03_CHALLENGE_MAX + SCP03_SEQUENCE_SIZE,
        SCP03_EXTERNAL_AUTHENTICATE_MAX = 5 + 2 * SCP03_CHALLENGE_MAX,
};

/* i, AmdD 5.1 table 5-1 */
enum {
        SCP03_I_S16 = 0x01,
        SCP03_I_PSEUDO_RANDOM = 0x10,
        SCP03_I_R_MAC = 0x20,
        SCP03_I_R_ENC = 0x40,
};

/* Security level = P1 of EXTERNAL AUTHENTICATE, AmdD 7.1.2 table 7-4 */
enum scp03_level {
        SCP03_LEVEL_NONE = 0x00,
        SCP03_LEVEL_C_MAC = 0x01,
        SCP03_LEVEL_C_ENC = 0x03,
        SCP03_LEVEL_C_MAC_R_MAC = 0x11,
        SCP03_LEVEL_C_ENC_R_MAC = 0x13,
        SCP03_LEVEL_ALL = 0x33,
};

enum {
        SCP03_OK = 0,
        SCP03_E_ANSWER = -1,     /* malformed: length, i, another protocol */
        SCP03_E_LEVEL = -2,      /* not a level, or one that the card's i does not offer */
        SCP03_E_KEY = -3,        /* static keys not all 16, 24 or 32 bytes */
        SCP03_E_CRYPTOGRAM = -4, /* the card does not hold these keys: send nothing more to it */
        SCP03_E_CHALLENGE = -5,  /* i says pseudo-random, but the challenge is not what it must be: an alarm */
        SCP03_E_MAC = -6,        /* the answer is not authentic */
        SCP03_E_SIZE = -7,       /* the command with MAC and padding does not fit, or the writer is full */
        SCP03_E_CRYPTO = -8,     /* libcrypto refused (no memory) */
};

/* The answer to INITIALIZE UPDATE, AmdD 7.1.1.6 */
struct scp03_init {
        uint8_t kdd[SCP03_KDD_SIZE]; /* key diversification data */
        uint8_t kvn, i;
        size_t n; /* of challenge and of cryptogram: 8 (S8) or 16 (S16) */
        uint8_t challenge[SCP03_CHALLENGE_MAX];
        uint8_t cryptogram[SCP03_CHALLENGE_MAX];
        uint8_t sequence[SCP03_SEQUENCE_SIZE]; /* valid when i has SCP03_I_PSEUDO_RANDOM */
};
/* data: without status word. SCP03_OK or SCP03_E_ANSWER (also when i is none of 00 10 20 30 60 70 and these + 01). */
int scp03_parse_init(struct bytes data, struct scp03_init *ret);

struct scp03_keys {
        struct secret enc, mac; /* static; DEK is not needed for a channel */
};
void scp03_keys_done(struct scp03_keys *keys); /* wipes; accepts zeroed ones; fits cleanup() */

/* Wipe with scp03_done on every path; one per card and session. */
struct scp03 {
        struct secret s_enc, s_mac, s_rmac;
        uint8_t mcv[AES_BLOCK];
        uint64_t counter;
        enum scp03_level level;
        size_t n_mac; /* 8 or 16 */
};
void scp03_done(struct scp03 *s); /* accepts a zeroed one; fits cleanup() */

bool scp03_level_valid(unsigned level);
/* Whether a card with this i can run this level. */
bool scp03_level_offered(unsigned level, uint8_t i);

/* Derives the session keys, checks the card's cryptogram and pseudo-random challenge, and writes EXTERNAL
 * AUTHENTICATE. host_challenge: the init->n bytes that were sent. sd_aid: AID of the security domain (for the
 * pseudo-random challenge, AmdD 6.2.2.1). The channel counts as open once the card answered 9000 to it.
 * On any fault *s is wiped and nothing is written. */
int scp03_open(struct scp03 *s, const struct scp03_keys *keys, enum scp03_level level, const struct scp03_init *init,
               struct bytes host_challenge, struct bytes sd_aid, struct writer *ret_external_authenticate);

/* What is needed to check the answer to one command. */
struct scp03_step {
        uint8_t mcv[AES_BLOCK];
        uint64_t counter;
};

/* Wraps the next command of the channel. Le stays as in plain (GPCS E.4.5 leaves it to the transport; see
 * scp03_wrap_list). step may be NULL. */
int scp03_wrap(struct scp03 *s, const struct apdu *plain, struct scp03_step *ret_step, struct writer *out);
/* Most plain data bytes of one command at this level when its data field on the wire has at most max_data bytes
 * (255, or less where the card announced less); n_mac 8 or 16. 0 when nothing fits. */
size_t scp03_room(enum scp03_level level, size_t n_mac, size_t max_data);
/* Wraps a list (apdu_list) of plain commands in order. With R-MAC each command gets Le = 00, for each answer has a
 * body then (GPCS E.4.5). steps has room for every command. *ret_n: how many. */
int scp03_wrap_list(struct scp03 *s, struct bytes plain_list, struct scp03_step *steps, size_t max, struct writer *out,
                    size_t *ret_n);

/* Checks the whole answer (status word included) to the command of step, in constant time, and only then writes its
 * plain body. 9000, 62xx and 63xx carry an R-MAC when it is on; another status comes bare and must have no body
 * (AmdD 6.2.5). Gives the status word. */
int scp03_unwrap(const struct scp03 *s, const struct scp03_step *step, struct bytes answer, struct writer *body,
                 uint16_t *ret_sw);
/* Checks a list of answers against the steps of a script: as many answers as steps, each authentic and 9000.
 * SCP03_OK, or a fault and *ret_at = the index (and *ret_sw the status word, 0 when there is none). */
int scp03_check_list(const struct scp03 *s, const struct scp03_step *steps, size_t n, struct bytes answer_list,
                     size_t *ret_at, uint16_t *ret_sw);

/* One sentence for a fault above. */
const char *scp03_text(int fault);
