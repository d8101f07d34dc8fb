#include "proto/gp/plan.h"
#include <assert.h>
#include <string.h>

enum { LAST = 0x80 }; /* GPCS table 11-88: P1.b8 */

struct block {
        struct writer *list;
        unsigned p1;
        size_t chunk, n_blocks;
        uint8_t data[APDU_DATA_MAX];
        size_t n;
};

static int flush(struct block *b, bool last)
{
        uint8_t command[APDU_MAX];
        struct writer w = WRITER(command);

        if (b->n_blocks == PLAN_BLOCKS_MAX)
                return PLAN_E_SIZE;
        gp_write_store_data(&w, b->p1 | (last ? LAST : 0u), (unsigned)b->n_blocks, (struct bytes){ b->data, b->n });
        apdu_list_add(b->list, writer_bytes(&w));
        b->n_blocks++;
        b->n = 0;
        return b->list->failed ? PLAN_E_SIZE : PLAN_OK;
}

/* A full block goes out only when more bytes come, so that the last one is known. */
static int put(struct block *b, struct bytes data)
{
        while (data.n > 0) {
                size_t part = b->chunk - b->n < data.n ? b->chunk - b->n : data.n;
                struct bytes piece;

                if (part == 0) {
                        if (flush(b, false) < 0)
                                return PLAN_E_SIZE;
                        continue;
                }
                (void)bytes_take(&data, part, &piece);
                memcpy(b->data + b->n, piece.p, piece.n);
                b->n += piece.n;
        }
        return PLAN_OK;
}

static int put_file(struct block *b, const struct plan_file *file)
{
        uint8_t head[5];
        struct writer w = WRITER(head);

        if (file->bytes.n == 0 || file->bytes.n > 0xFFFF)
                return PLAN_E_FILE;
        write_u16(&w, file->dgi);
        if (file->bytes.n >= 0xFF) { /* GPCS 11.11.2.3: FF hh ll */
                write_u8(&w, 0xFF);
                write_u16(&w, (unsigned)file->bytes.n);
        } else {
                write_u8(&w, (unsigned)file->bytes.n);
        }
        if (b->n + w.n > b->chunk && b->n > 0 && flush(b, false) < 0) /* cards refuse a header cut by a block's end */
                return PLAN_E_SIZE;
        return put(b, writer_bytes(&w)) < 0 ? PLAN_E_SIZE : put(b, file->bytes);
}

int plan_store_data(const struct plan_file *files, size_t n, unsigned store_p1, size_t chunk, struct writer *list,
                    size_t *ret_n)
{
        struct block b = { .list = list, .p1 = store_p1, .chunk = chunk };

        assert(chunk >= 1 && chunk <= APDU_DATA_MAX && (store_p1 & LAST) == 0);
        if (n == 0)
                return PLAN_E_FILE;
        for (size_t i = 0; i < n; i++) {
                int r = put_file(&b, &files[i]);

                if (r < 0)
                        return r;
        }
        if (flush(&b, true) < 0)
                return PLAN_E_SIZE;
        *ret_n = b.n_blocks;
        return PLAN_OK;
}

static const struct plan_file *find_file(const struct plan_file *files, size_t n, unsigned dgi)
{
        const struct plan_file *found = NULL;

        for (size_t i = 0; i < n; i++) {
                if (files[i].dgi != dgi)
                        continue;
                if (found) /* twice */
                        return NULL;
                found = &files[i];
        }
        return found;
}

static int order_files(const struct profile *p, const struct plan_file *files, size_t n, struct plan_file *ret)
{
        if (n != p->n_objects)
                return PLAN_E_FILE;
        for (size_t i = 0; i < p->n_objects; i++) {
                const struct plan_file *file = find_file(files, n, p->objects[i].fid);

                if (!file || file->bytes.n > p->objects[i].max_bytes)
                        return PLAN_E_FILE;
                ret[i] = *file;
        }
        return PLAN_OK;
}

static size_t chunk_size(const struct profile *p, unsigned max_lc, enum scp03_level level, size_t n_mac)
{
        size_t chunk = scp03_room(level, n_mac, max_lc < p->transport.max_command ? max_lc : p->transport.max_command);

        return p->transport.chunk > 0 && p->transport.chunk < chunk ? p->transport.chunk : chunk;
}

static int add_install(const struct profile *p, struct writer *list)
{
        uint8_t command[APDU_MAX];
        struct writer w = WRITER(command);

        gp_write_install_personalization(&w, profile_aid_bytes(&p->aid));
        apdu_list_add(list, writer_bytes(&w));
        return list->failed ? PLAN_E_SIZE : PLAN_OK;
}

int plan_write(const struct profile *p, const struct plan_file *files, size_t n_files, unsigned max_lc,
               enum scp03_level level, size_t n_mac, struct writer *list, size_t *ret_n)
{
        struct plan_file ordered[PROFILE_OBJECTS_MAX];
        size_t chunk = chunk_size(p, max_lc, level, n_mac), n = 0;
        int r = order_files(p, files, n_files, ordered);

        if (r == PLAN_OK && chunk == 0)
                r = PLAN_E_SIZE;
        if (r == PLAN_OK)
                r = add_install(p, list);
        if (r == PLAN_OK)
                r = plan_store_data(ordered, p->n_objects, p->store_p1, chunk, list, &n);
        if (r == PLAN_OK)
                *ret_n = n + 1;
        return r;
}

int plan_lock(const struct profile *p, struct writer *list, size_t *ret_n)
{
        uint8_t command[APDU_MAX];
        struct writer w = WRITER(command);

        gp_write_lock_application(&w, profile_aid_bytes(&p->aid));
        apdu_list_add(list, writer_bytes(&w));
        if (list->failed)
                return PLAN_E_SIZE;
        *ret_n = 1;
        return PLAN_OK;
}
