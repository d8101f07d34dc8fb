#include "proto/scp03.h"
#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

/* AmdD 4.1.5 table 4-1: derivation constants */
enum {
        CARD_CRYPTOGRAM = 0x00,
        HOST_CRYPTOGRAM = 0x01,
        CARD_CHALLENGE = 0x02,
        KEY_S_ENC = 0x04,
        KEY_S_MAC = 0x06,
        KEY_S_RMAC = 0x07,
};

bool scp03_level_valid(unsigned level)
{
        return level == SCP03_LEVEL_NONE || level == SCP03_LEVEL_C_MAC || level == SCP03_LEVEL_C_ENC ||
               level == SCP03_LEVEL_C_MAC_R_MAC || level == SCP03_LEVEL_C_ENC_R_MAC || level == SCP03_LEVEL_ALL;
}

bool scp03_level_offered(unsigned level, uint8_t i)
{
        if (!scp03_level_valid(level))
                return false;
        if ((level & 0x10) && !(i & SCP03_I_R_MAC))
                return false;
        return !(level & 0x20) || (i & SCP03_I_R_ENC);
}

/* AmdD 5.1: R-ENC only with R-MAC; the other bits are reserved. */
static bool valid_i(uint8_t i)
{
        if (i & ~(SCP03_I_S16 | SCP03_I_PSEUDO_RANDOM | SCP03_I_R_MAC | SCP03_I_R_ENC))
                return false;
        return !(i & SCP03_I_R_ENC) || (i & SCP03_I_R_MAC);
}

int scp03_parse_init(struct bytes data, struct scp03_init *ret)
{
        struct scp03_init init = { 0 };
        uint8_t scp;

        if (!bytes_copy(&data, init.kdd, sizeof init.kdd) || !bytes_u8(&data, &init.kvn) || !bytes_u8(&data, &scp) ||
            !bytes_u8(&data, &init.i))
                return SCP03_E_ANSWER;
        if (scp != 0x03 || !valid_i(init.i))
                return SCP03_E_ANSWER;
        init.n = init.i & SCP03_I_S16 ? 16 : 8;
        if (!bytes_copy(&data, init.challenge, init.n) || !bytes_copy(&data, init.cryptogram, init.n))
                return SCP03_E_ANSWER;
        if ((init.i & SCP03_I_PSEUDO_RANDOM) && !bytes_copy(&data, init.sequence, sizeof init.sequence))
                return SCP03_E_ANSWER;
        if (data.n != 0)
                return SCP03_E_ANSWER;
        *ret = init;
        return SCP03_OK;
}

void scp03_keys_done(struct scp03_keys *keys)
{
        secret_done(&keys->enc);
        secret_done(&keys->mac);
}

void scp03_done(struct scp03 *s)
{
        secret_done(&s->s_enc);
        secret_done(&s->s_mac);
        secret_done(&s->s_rmac);
        OPENSSL_cleanse(s, sizeof *s);
}

/* AmdD 4.1.5: 00 x 11 | constant | 00 | L(2, bits) | i | context, PRF = AES-CMAC; output the first n bytes. */
static int derive(struct bytes key, uint8_t constant, struct bytes context, uint8_t *ret, size_t n)
{
        uint8_t block[64], mac[AES_BLOCK];
        struct writer w;
        int r = 0;

        for (unsigned i = 1; (i - 1) * AES_BLOCK < n && r == 0; i++) {
                size_t at = (i - 1) * AES_BLOCK, part = n - at < AES_BLOCK ? n - at : AES_BLOCK;

                w = (struct writer)WRITER(block);
                write_fill(&w, 0, 11);
                write_u8(&w, constant);
                write_u8(&w, 0);
                write_u16(&w, (unsigned)n * 8);
                write_u8(&w, i);
                write_bytes(&w, context);
                assert(!w.failed);
                r = aes_cmac(key, writer_bytes(&w), (struct bytes){ 0 }, mac);
                if (r == 0)
                        memcpy(ret + at, mac, part);
        }
        OPENSSL_cleanse(mac, sizeof mac);
        return r < 0 ? SCP03_E_CRYPTO : SCP03_OK;
}

static int derive_secret(struct bytes key, uint8_t constant, struct bytes context, struct secret *ret)
{
        ret->n = key.n;
        return derive(key, constant, context, ret->bytes, key.n);
}

static int derive_session(struct scp03 *s, const struct scp03_keys *keys, struct bytes context)
{
        int r = derive_secret(secret_bytes(&keys->enc), KEY_S_ENC, context, &s->s_enc);

        if (r == SCP03_OK)
                r = derive_secret(secret_bytes(&keys->mac), KEY_S_MAC, context, &s->s_mac);
        if (r == SCP03_OK)
                r = derive_secret(secret_bytes(&keys->mac), KEY_S_RMAC, context, &s->s_rmac);
        return r;
}

/* AmdD 6.2.2.3: the card's cryptogram, from S-MAC. */
static int check_cryptogram(const struct scp03 *s, const struct scp03_init *init, struct bytes context)
{
        uint8_t expected[SCP03_CHALLENGE_MAX];
        int r = derive(secret_bytes(&s->s_mac), CARD_CRYPTOGRAM, context, expected, init->n);

        if (r == SCP03_OK &&
            !bytes_equal_secret((struct bytes){ expected, init->n }, (struct bytes){ init->cryptogram, init->n }))
                r = SCP03_E_CRYPTOGRAM;
        OPENSSL_cleanse(expected, sizeof expected);
        return r;
}

/* AmdD 6.2.2.1: the pseudo-random challenge, from the static Key-ENC over sequence | AID. */
static int check_challenge(const struct scp03_keys *keys, const struct scp03_init *init, struct bytes sd_aid)
{
        uint8_t expected[SCP03_CHALLENGE_MAX], context[SCP03_SEQUENCE_SIZE + 16];
        struct writer w = WRITER(context);
        int r;

        if (!(init->i & SCP03_I_PSEUDO_RANDOM))
                return SCP03_OK;
        write_bytes(&w, BYTES(init->sequence));
        write_bytes(&w, sd_aid);
        if (w.failed)
                return SCP03_E_CHALLENGE;
        r = derive(secret_bytes(&keys->enc), CARD_CHALLENGE, writer_bytes(&w), expected, init->n);
        if (r == SCP03_OK &&
            !bytes_equal((struct bytes){ expected, init->n }, (struct bytes){ init->challenge, init->n }))
                r = SCP03_E_CHALLENGE;
        return r;
}

static int write_external_authenticate(struct scp03 *s, size_t n, struct bytes context, struct writer *out)
{
        uint8_t cryptogram[SCP03_CHALLENGE_MAX], head[5] = { 0x84, 0x82, (uint8_t)s->level, 0x00, (uint8_t)(2 * n) };
        uint8_t message[sizeof head + SCP03_CHALLENGE_MAX];
        struct writer w = WRITER(message);
        int r = derive(secret_bytes(&s->s_mac), HOST_CRYPTOGRAM, context, cryptogram, n);

        if (r < 0)
                return r;
        write_bytes(&w, BYTES(head));
        write_bytes(&w, (struct bytes){ cryptogram, n });
        if (aes_cmac(secret_bytes(&s->s_mac), BYTES(s->mcv), writer_bytes(&w), s->mcv) < 0)
                return SCP03_E_CRYPTO;
        write_bytes(out, writer_bytes(&w));
        write_bytes(out, (struct bytes){ s->mcv, n });
        return out->failed ? SCP03_E_SIZE : SCP03_OK;
}

static bool key_size_ok(const struct scp03_keys *keys)
{
        size_t n = keys->enc.n;

        return (n == 16 || n == 24 || n == 32) && keys->mac.n == n;
}

static int open_channel(struct scp03 *s, const struct scp03_keys *keys, const struct scp03_init *init,
                        struct bytes host_challenge, struct bytes sd_aid, struct writer *out)
{
        uint8_t both[2 * SCP03_CHALLENGE_MAX];
        struct writer context = WRITER(both);
        int r;

        if (!key_size_ok(keys))
                return SCP03_E_KEY;
        if (host_challenge.n != init->n)
                return SCP03_E_ANSWER;
        if (!scp03_level_offered(s->level, init->i))
                return SCP03_E_LEVEL;
        write_bytes(&context, host_challenge);
        write_bytes(&context, (struct bytes){ init->challenge, init->n });
        r = derive_session(s, keys, writer_bytes(&context));
        if (r == SCP03_OK)
                r = check_cryptogram(s, init, writer_bytes(&context));
        if (r == SCP03_OK)
                r = check_challenge(keys, init, sd_aid);
        if (r == SCP03_OK)
                r = write_external_authenticate(s, init->n, writer_bytes(&context), out);
        return r;
}

int scp03_open(struct scp03 *s, const struct scp03_keys *keys, enum scp03_level level, const struct scp03_init *init,
               struct bytes host_challenge, struct bytes sd_aid, struct writer *ret_external_authenticate)
{
        size_t before = ret_external_authenticate->n;
        int r;

        *s = (struct scp03){ .level = level, .n_mac = init->n };
        r = open_channel(s, keys, init, host_challenge, sd_aid, ret_external_authenticate);
        if (r == SCP03_OK)
                return r;
        scp03_done(s);
        ret_external_authenticate->n = before;
        return r;
}

const char *scp03_text(int fault)
{
        switch (fault) {
        case SCP03_OK:
                return "in order";
        case SCP03_E_ANSWER:
                return "the chip's answer is malformed";
        case SCP03_E_LEVEL:
                return "the chip does not offer this security level";
        case SCP03_E_KEY:
                return "the keys have no length of AES";
        case SCP03_E_CRYPTOGRAM:
                return "the chip's cryptogram does not fit the keys";
        case SCP03_E_CHALLENGE:
                return "the chip's challenge is not the pseudo-random one it announces";
        case SCP03_E_MAC:
                return "the chip's answer is not authentic";
        case SCP03_E_SIZE:
                return "the command does not fit";
        case SCP03_E_CRYPTO:
                return "the cryptographic library refused";
        default:
                return "unknown fault";
        }
}
