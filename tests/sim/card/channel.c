#include "tests/sim/card/channel.h"

#include <assert.h>
#include <err.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/random.h>

/* AmdD 4.1.5 table 4-1: the derivation constants. */
enum { DERIVE_CARD = 0, DERIVE_HOST = 1, DERIVE_CHALLENGE = 2, DERIVE_S_ENC = 4, DERIVE_S_MAC = 6, DERIVE_S_RMAC = 7 };
enum { MAC_INPUT_MAX = BLOCK + 5 + 255 + 2 };

static void make_challenge(const struct channel *c, const uint8_t *key_enc, uint32_t seq, const uint8_t *aid,
                           size_t n_aid, uint8_t *ret_challenge)
{
        uint8_t context[3 + 16] = { (uint8_t)(seq >> 16), (uint8_t)(seq >> 8), (uint8_t)seq };

        assert(n_aid <= 16);
        memcpy(context + 3, aid, n_aid);
        if (c->i & I_PSEUDO_RANDOM)
                scp03_derive(key_enc, c->n_key, DERIVE_CHALLENGE, 8 * c->n_mac, context, 3 + n_aid, ret_challenge);
        else if (getrandom(ret_challenge, c->n_mac, 0) != (ssize_t)c->n_mac)
                err(1, "getrandom");
}

void channel_challenge(struct channel *channel, uint8_t i, const uint8_t keys[3][KEY_MAX], size_t n_key, uint32_t seq,
                       const uint8_t *aid, size_t n_aid, const uint8_t *host_challenge, uint8_t *ret_challenge,
                       uint8_t *ret_cryptogram)
{
        struct channel c = { .state = CHANNEL_CHALLENGED, .i = i, .n_key = n_key, .n_mac = i & I_S16 ? 16 : 8 };
        uint8_t context[2 * BLOCK];
        size_t n_context = 2 * c.n_mac;

        make_challenge(&c, keys[0], seq, aid, n_aid, ret_challenge);
        memcpy(context, host_challenge, c.n_mac);
        memcpy(context + c.n_mac, ret_challenge, c.n_mac);
        scp03_derive(keys[0], n_key, DERIVE_S_ENC, 8 * n_key, context, n_context, c.s_enc);
        scp03_derive(keys[1], n_key, DERIVE_S_MAC, 8 * n_key, context, n_context, c.s_mac);
        scp03_derive(keys[1], n_key, DERIVE_S_RMAC, 8 * n_key, context, n_context, c.s_rmac);
        scp03_derive(c.s_mac, n_key, DERIVE_CARD, 8 * c.n_mac, context, n_context, ret_cryptogram);
        scp03_derive(c.s_mac, n_key, DERIVE_HOST, 8 * c.n_mac, context, n_context, c.host_cryptogram);
        *channel = c;
}

bool channel_offers(const struct channel *channel, uint8_t level)
{
        switch (level) {
        case 0x01:
        case 0x03:
                return true;
        case 0x11:
        case 0x13:
                return channel->i & I_R_MAC;
        case 0x33:
                return channel->i & I_R_ENC;
        default:
                return false;
        }
}

/* AmdD 6.2.4: CMAC over chaining value, header with the new Lc, and data; all 16 bytes chain on. */
static void command_mac(const struct channel *c, const struct command *command, uint8_t ret_mac[BLOCK])
{
        uint8_t input[MAC_INPUT_MAX];
        size_t n_data = command->lc - c->n_mac, n = 0;

        memcpy(input, c->mcv, BLOCK);
        n = BLOCK;
        input[n++] = command->cla;
        input[n++] = command->ins;
        input[n++] = command->p1;
        input[n++] = command->p2;
        input[n++] = (uint8_t)command->lc;
        memcpy(input + n, command->data, n_data);
        aes_cmac(c->s_mac, c->n_key, input, n + n_data, ret_mac);
}

/* The MAC at the end of the data; on success it is cut off and becomes the chaining value. */
static bool take_mac(struct channel *c, struct command *command)
{
        uint8_t mac[BLOCK];

        if (command->lc < c->n_mac)
                return false;
        command_mac(c, command, mac);
        if (CRYPTO_memcmp(mac, command->data + command->lc - c->n_mac, c->n_mac) != 0)
                return false;
        memcpy(c->mcv, mac, BLOCK);
        command->lc -= c->n_mac;
        return true;
}

bool channel_authenticate(struct channel *channel, const struct command *command)
{
        struct command c = *command;
        bool good = take_mac(channel, &c) && CRYPTO_memcmp(c.data, channel->host_cryptogram, channel->n_mac) == 0;

        channel->level = command->p1;
        channel->state = good ? CHANNEL_OPEN : CHANNEL_CLOSED;
        return good;
}

static void count_up(uint8_t ctr[BLOCK])
{
        for (size_t i = BLOCK; i-- > 0;)
                if (++ctr[i] != 0)
                        return;
}

/* AmdD 6.2.6: padding 80 00.. is always there. */
static bool decrypt(const struct channel *c, struct command *command)
{
        uint8_t icv[BLOCK];
        size_t n = command->lc;

        if (n % BLOCK != 0)
                return false;
        aes_block(c->s_enc, c->n_key, c->ctr, icv);
        aes_cbc(c->s_enc, c->n_key, icv, command->data, n, false, command->data);
        while (n > 0 && command->data[n - 1] == 0)
                n--;
        if (n == 0 || command->data[n - 1] != 0x80 || command->lc - (n - 1) > BLOCK)
                return false;
        command->lc = n - 1;
        return true;
}

bool channel_unwrap(struct channel *channel, struct command *command)
{
        bool good = take_mac(channel, command);

        if (good && channel->level & LEVEL_C_ENC) {
                count_up(channel->ctr);
                good = command->lc == 0 || decrypt(channel, command);
        }
        if (!good)
                channel->state = CHANNEL_ABORTED;
        return good;
}

static void encrypt_answer(const struct channel *c, struct answer *answer)
{
        uint8_t icv[BLOCK];

        memcpy(icv, c->ctr, BLOCK);
        icv[0] |= 0x80; /* AmdD 6.2.7: the response's counter block */
        aes_block(c->s_enc, c->n_key, icv, icv);
        answer->data[answer->n++] = 0x80;
        while (answer->n % BLOCK != 0)
                answer->data[answer->n++] = 0;
        aes_cbc(c->s_enc, c->n_key, icv, answer->data, answer->n, true, answer->data);
}

void channel_wrap(const struct channel *channel, struct answer *answer)
{
        uint8_t input[BLOCK + sizeof answer->data], mac[BLOCK];
        unsigned class = answer->sw >> 8;

        if (!(channel->level & LEVEL_R_MAC) || (answer->sw != SW_OK && class != 0x62 && class != 0x63))
                return;
        if (channel->level & LEVEL_R_ENC && answer->n > 0)
                encrypt_answer(channel, answer);
        memcpy(input, channel->mcv, BLOCK);
        memcpy(input + BLOCK, answer->data, answer->n);
        input[BLOCK + answer->n] = (uint8_t)(answer->sw >> 8);
        input[BLOCK + answer->n + 1] = (uint8_t)answer->sw;
        aes_cmac(channel->s_rmac, channel->n_key, input, BLOCK + answer->n + 2, mac);
        memcpy(answer->data + answer->n, mac, channel->n_mac);
        answer->n += channel->n_mac;
}
