#include "proto/gp/card.h"
#include "proto/tlv.h"
#include <openssl/evp.h>
#include <string.h>

/* 11.3.3.1 table 11-20 basic: type, length. Table 11-21 extended: FF type, length(2), usage(n), access(n). */
static int take_component(struct bytes *in, struct gp_key_info *ret)
{
        uint8_t type, n;

        if (!bytes_u8(in, &type))
                return -1;
        if (type != 0xFF) {
                if (!bytes_u8(in, &n))
                        return -1;
                ret->type = type;
                ret->n_bytes = n;
                return 0;
        }
        return bytes_u8(in, &ret->type) && bytes_u16(in, &ret->n_bytes) ? 0 : -1;
}

static int parse_key(struct bytes value, struct gp_key_info *ret)
{
        bool extended;

        if (!bytes_u8(&value, &ret->kid) || !bytes_u8(&value, &ret->kvn))
                return -1;
        extended = value.n > 0 && value.p[0] == 0xFF;
        if (take_component(&value, ret) < 0)
                return -1;
        return extended || value.n % 2 == 0 ? 0 : -1;
}

int gp_parse_key_info(struct bytes in, struct gp_key_info ret[GP_KEYS_MAX], size_t *ret_n)
{
        struct gp_key_info keys[GP_KEYS_MAX];
        struct bytes list;
        struct tlv t;
        size_t n = 0;
        int r;

        if (tlv_only(in, 0xE0, &list) < 0)
                return -1;
        while ((r = tlv_next(&list, &t)) > 0) {
                if (t.tag != 0xC0 || n == GP_KEYS_MAX || parse_key(t.value, &keys[n]) < 0)
                        return -1;
                n++;
        }
        if (r < 0)
                return -1;
        memcpy(ret, keys, n * sizeof keys[0]);
        *ret_n = n;
        return 0;
}

int gp_parse_cplc(struct bytes in, uint8_t ret[GP_CPLC_SIZE])
{
        struct bytes value = in;

        if (in.n != GP_CPLC_SIZE && tlv_only(in, 0x9F7F, &value) < 0)
                return -1;
        if (value.n != GP_CPLC_SIZE)
                return -1;
        memcpy(ret, value.p, GP_CPLC_SIZE);
        return 0;
}

/* Offsets within CPLC: fabricator 0, type 2, serial 12, batch 16 (docs/card-applet.md 2). */
void gp_chip_id_from_cplc(const uint8_t cplc[GP_CPLC_SIZE], uint8_t ret[GP_CHIP_ID_SIZE])
{
        memcpy(ret, cplc, 4);
        memcpy(ret + 4, cplc + 16, 2);
        memcpy(ret + 6, cplc + 12, 4);
}

int gp_chip_id_from_cin(struct bytes in, uint8_t ret[GP_CHIP_ID_SIZE])
{
        uint8_t digest[EVP_MAX_MD_SIZE];
        struct bytes value = in;

        (void)tlv_only(in, 0x45, &value);
        if (value.n == 0)
                return -1;
        memset(ret, 0, GP_CHIP_ID_SIZE);
        if (value.n <= GP_CHIP_ID_SIZE) {
                memcpy(ret + GP_CHIP_ID_SIZE - value.n, value.p, value.n);
                return 0;
        }
        if (EVP_Digest(value.p, value.n, digest, NULL, EVP_sha256(), NULL) != 1)
                return -1;
        memcpy(ret, digest, GP_CHIP_ID_SIZE);
        return 0;
}

/* H.2: 64 { 06 { 2A864886FC6B 04 scp i } } */
static int parse_scp(struct bytes value, struct gp_scp *ret)
{
        static const uint8_t oid[] = { 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x04 };
        struct bytes body, head;

        if (tlv_only(value, 0x06, &body) < 0 || !bytes_take(&body, sizeof oid, &head))
                return -1;
        if (!bytes_equal(head, BYTES(oid)) || !bytes_u8(&body, &ret->scp) || !bytes_u8(&body, &ret->i))
                return -1;
        return body.n == 0 ? 0 : -1;
}

int gp_parse_card_data(struct bytes in, struct gp_scp ret[GP_SCP_MAX], size_t *ret_n)
{
        struct gp_scp found[GP_SCP_MAX];
        struct bytes outer, list;
        struct tlv t;
        size_t n = 0;
        int r;

        if (tlv_only(in, 0x66, &outer) < 0 || tlv_only(outer, 0x73, &list) < 0)
                return -1;
        while ((r = tlv_next(&list, &t)) > 0) {
                if (t.tag != 0x64)
                        continue;
                if (n == GP_SCP_MAX || parse_scp(t.value, &found[n]) < 0)
                        return -1;
                n++;
        }
        if (r < 0)
                return -1;
        memcpy(ret, found, n * sizeof found[0]);
        *ret_n = n;
        return 0;
}

static int parse_max_lc(struct bytes value, unsigned *ret)
{
        unsigned n = 0;

        if (value.n == 0 || value.n > 3)
                return -1;
        for (size_t i = 0; i < value.n; i++)
                n = n << 8 | value.p[i];
        if (n < GP_LC_MIN)
                return -1;
        *ret = n > GP_LC_DEFAULT ? GP_LC_DEFAULT : n;
        return 0;
}

int gp_parse_fci(struct bytes in, struct gp_fci *ret)
{
        struct gp_fci fci = { .max_lc = GP_LC_DEFAULT };
        struct bytes outer;
        struct tlv t, inner;
        int r;

        if (tlv_only(in, 0x6F, &outer) < 0)
                return -1;
        while ((r = tlv_next(&outer, &t)) > 0) {
                if (t.tag == 0x84) {
                        fci.n_aid = t.value.n;
                        if (!bytes_copy(&t.value, fci.aid, t.value.n > sizeof fci.aid ? SIZE_MAX : t.value.n))
                                return -1;
                }
                if (t.tag != 0xA5)
                        continue;
                if (tlv_find(t.value, 0x9F65, &inner) < 0)
                        return -1;
                if (tlv_find(t.value, 0x9F65, &inner) == TLV_ITEM && parse_max_lc(inner.value, &fci.max_lc) < 0)
                        return -1;
        }
        if (r < 0)
                return -1;
        *ret = fci;
        return 0;
}
