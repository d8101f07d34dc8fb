#include "proto/gp/command.h"
#include <assert.h>

void gp_write_select(struct writer *w, struct bytes aid)
{
        struct apdu a = { .ins = 0xA4, .p1 = 0x04, .data = aid, .le = 256 };

        assert(aid.n <= GP_AID_MAX);
        apdu_write(w, &a);
}

void gp_write_select_file(struct writer *w, unsigned fid)
{
        uint8_t data[2] = { (uint8_t)(fid >> 8), (uint8_t)fid };
        struct apdu a = { .ins = 0xA4, .p1 = 0x02, .p2 = 0x0C, .data = BYTES(data), .le = APDU_NO_LE };

        assert(fid <= 0xFFFF);
        apdu_write(w, &a);
}

void gp_write_read_binary(struct writer *w, unsigned offset, int le)
{
        struct apdu a = { .ins = 0xB0, .p1 = (uint8_t)(offset >> 8), .p2 = (uint8_t)offset, .le = le };

        assert(offset <= 0x7FFF && le >= 1);
        apdu_write(w, &a);
}

void gp_write_get_data(struct writer *w, unsigned tag)
{
        struct apdu a = { .cla = 0x80, .ins = 0xCA, .p1 = (uint8_t)(tag >> 8), .p2 = (uint8_t)tag, .le = 256 };

        assert(tag <= 0xFFFF);
        apdu_write(w, &a);
}

void gp_write_initialize_update(struct writer *w, unsigned kvn, struct bytes host_challenge)
{
        struct apdu a = { .cla = 0x80, .ins = 0x50, .p1 = (uint8_t)kvn, .data = host_challenge, .le = 256 };

        assert(kvn <= 0xFF && (host_challenge.n == 8 || host_challenge.n == 16));
        apdu_write(w, &a);
}

void gp_write_install_personalization(struct writer *w, struct bytes aid)
{
        uint8_t data[3 + GP_AID_MAX + 3];
        struct writer d = WRITER(data);
        struct apdu a = { .cla = 0x80, .ins = 0xE6, .p1 = 0x20, .le = 256 };

        assert(aid.n >= GP_AID_MIN && aid.n <= GP_AID_MAX);
        write_u16(&d, 0); /* table 11-57: no load file, no module */
        write_u8(&d, (unsigned)aid.n);
        write_bytes(&d, aid);
        write_fill(&d, 0, 3); /* no privileges, parameters, token */
        a.data = writer_bytes(&d);
        apdu_write(w, &a);
}

void gp_write_store_data(struct writer *w, unsigned p1, unsigned p2, struct bytes data)
{
        struct apdu a = {
                .cla = 0x80, .ins = 0xE2, .p1 = (uint8_t)p1, .p2 = (uint8_t)p2, .data = data, .le = APDU_NO_LE
        };

        assert(p1 <= 0xFF && p2 <= 0xFF && data.n > 0);
        apdu_write(w, &a);
}

void gp_write_lock_application(struct writer *w, struct bytes aid)
{
        struct apdu a = { .cla = 0x80,
                          .ins = 0xF0,
                          .p1 = GP_STATUS_APPLICATION,
                          .p2 = GP_STATE_LOCKED,
                          .data = aid,
                          .le = APDU_NO_LE };

        assert(aid.n >= GP_AID_MIN && aid.n <= GP_AID_MAX);
        apdu_write(w, &a);
}
