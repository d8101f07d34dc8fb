/* Secure messaging of SCP03: AmdD 6.2.4 (C-MAC), 6.2.5 (R-MAC), 6.2.6 (C-ENC), 6.2.7 (R-ENC). */
#include "proto/scp03.h"
#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

static bool has(const struct scp03 *s, unsigned bit)
{
        return ((unsigned)s->level & bit) != 0;
}

enum { C_MAC = 0x01, C_ENC = 0x02, R_MAC = 0x10, R_ENC = 0x20 };

size_t scp03_room(enum scp03_level level, size_t n_mac, size_t max_data)
{
        size_t room = max_data > APDU_DATA_MAX ? APDU_DATA_MAX : max_data;

        if (level == SCP03_LEVEL_NONE)
                return room;
        if (room <= n_mac)
                return 0;
        room -= n_mac;
        if ((unsigned)level & C_ENC) {
                room &= ~(size_t)(AES_BLOCK - 1);
                room -= room > 0; /* at least the 80 of the padding */
        }
        return room;
}

/* 6.2.6, 6.2.7: ICV = the counter as one block, encrypted; for answers its first byte is 80. */
static int make_icv(const struct scp03 *s, uint64_t counter, bool answer, uint8_t ret[AES_BLOCK])
{
        uint8_t block[AES_BLOCK] = { answer ? 0x80 : 0x00 };

        for (unsigned i = 0; i < 8; i++)
                block[AES_BLOCK - 1 - i] = (uint8_t)(counter >> 8 * i);
        return aes_ecb_encrypt(secret_bytes(&s->s_enc), block, ret);
}

static int encrypt(const struct scp03 *s, struct bytes plain, uint8_t *buffer, size_t max, struct bytes *ret)
{
        struct writer w = { buffer, 0, max, false };
        uint8_t icv[AES_BLOCK];

        write_bytes(&w, plain);
        write_u8(&w, 0x80);
        write_fill(&w, 0, (AES_BLOCK - w.n % AES_BLOCK) % AES_BLOCK);
        if (w.failed)
                return SCP03_E_SIZE;
        if (make_icv(s, s->counter, false, icv) < 0 || aes_cbc(secret_bytes(&s->s_enc), true, icv, buffer, w.n) < 0)
                return SCP03_E_CRYPTO;
        *ret = writer_bytes(&w);
        return SCP03_OK;
}

/* 6.2.4: over mcv | header with b3 of CLA set and the channel bits cleared | Lc with the MAC | data. */
static int add_mac(struct scp03 *s, const struct apdu *a, uint8_t *buffer, size_t max, struct bytes *ret)
{
        uint8_t message[APDU_MAX];
        struct writer m = WRITER(message), w = { buffer, a->data.n, max, false };

        if (a->data.n + s->n_mac > APDU_DATA_MAX)
                return SCP03_E_SIZE;
        write_u8(&m, (a->cla & ~0x03u) | 0x04u);
        write_u8(&m, a->ins);
        write_u8(&m, a->p1);
        write_u8(&m, a->p2);
        write_u8(&m, (unsigned)(a->data.n + s->n_mac));
        write_bytes(&m, a->data);
        if (aes_cmac(secret_bytes(&s->s_mac), BYTES(s->mcv), writer_bytes(&m), s->mcv) < 0)
                return SCP03_E_CRYPTO;
        write_bytes(&w, (struct bytes){ s->mcv, s->n_mac });
        *ret = writer_bytes(&w);
        return w.failed ? SCP03_E_SIZE : SCP03_OK;
}

static int protect(struct scp03 *s, struct apdu *a, uint8_t *buffer, size_t max)
{
        int r = SCP03_OK;

        if (has(s, C_ENC))
                s->counter++; /* 6.2.6: commands without data count too */
        if (has(s, C_ENC) && a->data.n > 0)
                r = encrypt(s, a->data, buffer, max, &a->data);
        else if (a->data.n > 0)
                memcpy(buffer, a->data.p, a->data.n);
        if (r == SCP03_OK)
                r = add_mac(s, a, buffer, max, &a->data);
        a->cla |= 0x04;
        return r;
}

int scp03_wrap(struct scp03 *s, const struct apdu *plain, struct scp03_step *ret_step, struct writer *out)
{
        uint8_t buffer[APDU_DATA_MAX + AES_BLOCK];
        struct apdu a = *plain;
        int r = SCP03_OK;

        assert((a.cla & 0x7C) == 0 && a.data.n <= APDU_DATA_MAX); /* channels 0 to 3, not yet secured, no chaining */
        if (has(s, C_MAC))
                r = protect(s, &a, buffer, sizeof buffer);
        if (r == SCP03_OK && ret_step) {
                memcpy(ret_step->mcv, s->mcv, sizeof s->mcv);
                ret_step->counter = s->counter;
        }
        if (r == SCP03_OK)
                apdu_write(out, &a);
        OPENSSL_cleanse(buffer, sizeof buffer);
        return r == SCP03_OK && out->failed ? SCP03_E_SIZE : r;
}

int scp03_wrap_list(struct scp03 *s, struct bytes plain_list, struct scp03_step *steps, size_t max, struct writer *out,
                    size_t *ret_n)
{
        struct bytes item;
        size_t n = 0;
        int more;

        while ((more = apdu_list_next(&plain_list, &item)) > 0) {
                uint8_t buffer[APDU_MAX];
                struct writer w = WRITER(buffer);
                struct apdu a;
                int r;

                if (n == max || apdu_parse(item, &a) < 0)
                        return SCP03_E_SIZE;
                if (has(s, R_MAC))
                        a.le = 256;
                r = scp03_wrap(s, &a, &steps[n++], &w);
                if (r < 0)
                        return r;
                apdu_list_add(out, writer_bytes(&w));
        }
        *ret_n = n;
        return more < 0 || out->failed ? SCP03_E_SIZE : SCP03_OK;
}

/* 6.2.5: CMAC(S-RMAC, mcv of the command | body as sent | status word), cut. Takes the R-MAC off the body. */
static int check_mac(const struct scp03 *s, const struct scp03_step *step, struct apdu_answer *a)
{
        uint8_t message[AES_BLOCK + APDU_ANSWER_MAX], mac[AES_BLOCK];
        struct writer w = WRITER(message);
        struct bytes got;

        if (a->data.n < s->n_mac || a->data.n > 256)
                return SCP03_E_MAC;
        got = (struct bytes){ a->data.p + a->data.n - s->n_mac, s->n_mac };
        a->data.n -= s->n_mac;
        write_bytes(&w, BYTES(step->mcv));
        write_bytes(&w, a->data);
        write_u16(&w, a->sw);
        if (aes_cmac(secret_bytes(&s->s_rmac), writer_bytes(&w), (struct bytes){ 0 }, mac) < 0)
                return SCP03_E_CRYPTO;
        return bytes_equal_secret((struct bytes){ mac, s->n_mac }, got) ? SCP03_OK : SCP03_E_MAC;
}

/* 6.2.7; the padding is 80 and at most 15 zeros. The R-MAC held, so a wrong padding tells an attacker nothing. */
static int decrypt(const struct scp03 *s, const struct scp03_step *step, struct bytes body, uint8_t *buffer,
                   struct bytes *ret)
{
        uint8_t icv[AES_BLOCK];
        size_t n = body.n;

        if (n % AES_BLOCK != 0)
                return SCP03_E_ANSWER;
        memcpy(buffer, body.p, n);
        if (make_icv(s, step->counter, true, icv) < 0 || aes_cbc(secret_bytes(&s->s_enc), false, icv, buffer, n) < 0)
                return SCP03_E_CRYPTO;
        while (n > 0 && body.n - n < AES_BLOCK - 1 && buffer[n - 1] == 0)
                n--;
        if (buffer[n - 1] != 0x80)
                return SCP03_E_ANSWER;
        *ret = (struct bytes){ buffer, n - 1 };
        return SCP03_OK;
}

static bool carries_mac(uint16_t sw)
{
        return sw == SW_OK || sw >> 8 == 0x62 || sw >> 8 == 0x63;
}

int scp03_unwrap(const struct scp03 *s, const struct scp03_step *step, struct bytes answer, struct writer *body,
                 uint16_t *ret_sw)
{
        uint8_t buffer[256];
        struct apdu_answer a;
        int r = SCP03_OK;

        if (apdu_answer_parse(answer, &a) < 0)
                return SCP03_E_ANSWER;
        if (has(s, R_MAC) && !carries_mac(a.sw) && a.data.n > 0)
                return SCP03_E_MAC;
        if (has(s, R_MAC) && carries_mac(a.sw))
                r = check_mac(s, step, &a);
        if (r == SCP03_OK && has(s, R_ENC) && a.data.n > 0)
                r = decrypt(s, step, a.data, buffer, &a.data);
        if (r == SCP03_OK) {
                write_bytes(body, a.data);
                *ret_sw = a.sw;
        }
        OPENSSL_cleanse(buffer, sizeof buffer);
        return r == SCP03_OK && body->failed ? SCP03_E_SIZE : r;
}

static int check_one(const struct scp03 *s, const struct scp03_step *step, struct bytes answer, uint16_t *ret_sw)
{
        uint8_t buffer[256];
        struct writer body = WRITER(buffer);

        return scp03_unwrap(s, step, answer, &body, ret_sw);
}

int scp03_check_list(const struct scp03 *s, const struct scp03_step *steps, size_t n, struct bytes answer_list,
                     size_t *ret_at, uint16_t *ret_sw)
{
        struct bytes answer;

        for (size_t i = 0; i < n; i++) {
                int r;

                *ret_at = i;
                *ret_sw = 0;
                if (apdu_list_next(&answer_list, &answer) <= 0)
                        return SCP03_E_ANSWER;
                r = check_one(s, &steps[i], answer, ret_sw);
                if (r < 0)
                        return r;
                if (*ret_sw != SW_OK)
                        return SCP03_E_ANSWER;
        }
        *ret_at = n;
        return answer_list.n == 0 ? SCP03_OK : SCP03_E_ANSWER;
}
