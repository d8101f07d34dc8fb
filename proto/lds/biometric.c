/* DG2: one facial image in the ICAO 9303-10 template around an ISO/IEC 19794-5 record. */
#include "proto/lds/der.h"
#include "proto/lds/group.h"
#include "proto/lds/photo.h"
#include <string.h>

enum { /* ICAO 9303-10 DG2; ISO/IEC 7816-11 */
       TAG_DG2 = 0x75,
       TAG_TEMPLATES = 0x7F61,
       TAG_TEMPLATE = 0x7F60,
       TAG_COUNT = 0x02,
       TAG_HEADER = 0xA1,
       TAG_DATA = 0x5F2E,
       RECORD_HEADER = 14, /* ISO/IEC 19794-5:2005 5.3 */
       FACE_HEADER = 20,   /* 5.5 */
       IMAGE_HEADER = 12,  /* 5.7 */
       FULL_FRONTAL = 1,
};

/* 80 version 0101, 81 facial features, 87 format owner 0101 (JTC 1/SC 37), 88 format type 0008 (face image). */
static const uint8_t header[] = { 0x80, 2, 1, 1, 0x81, 1, 2, 0x87, 2, 1, 1, 0x88, 2, 0, 8 };
static const uint8_t one[] = { 1 };
static const uint8_t magic[] = { 'F', 'A', 'C', 0, '0', '1', '0', 0 }; /* 5.3.1, 5.3.2 */

static void put_record(struct writer *w, const struct lds_record *record, unsigned width, unsigned height)
{
        uint32_t n = (uint32_t)record->photo.n;

        write_bytes(w, BYTES(magic));
        write_u32(w, RECORD_HEADER + FACE_HEADER + IMAGE_HEADER + n);
        write_u16(w, 1); /* faces */
        write_u32(w, FACE_HEADER + IMAGE_HEADER + n);
        write_fill(w, 0, FACE_HEADER - 4); /* no feature points, everything unspecified */
        write_u8(w, FULL_FRONTAL);
        write_u8(w, (unsigned)record->photo_type);
        write_u16(w, width);
        write_u16(w, height);
        write_fill(w, 0, IMAGE_HEADER - 6); /* colour space, source, device and quality unspecified */
        write_bytes(w, record->photo);
}

void lds_dg2_put(struct writer *w, const struct lds_record *record)
{
        enum lds_photo_type type;
        unsigned width, height;
        size_t dg2, templates, template, data;

        if (!lds_photo_probe(record->photo, &type, &width, &height) || type != record->photo_type) {
                w->failed = true;
                return;
        }
        dg2 = der_open(w, TAG_DG2);
        templates = der_open(w, TAG_TEMPLATES);
        der_put(w, TAG_COUNT, BYTES(one));
        template = der_open(w, TAG_TEMPLATE);
        der_put(w, TAG_HEADER, BYTES(header));
        data = der_open(w, TAG_DATA);
        put_record(w, record, width, height);
        der_close(w, data);
        der_close(w, template);
        der_close(w, templates);
        der_close(w, dg2);
}

static bool take_record(struct bytes in, struct lds_record *ret)
{
        struct bytes start, skipped;
        uint32_t record_length, face_length;
        uint16_t faces, points;
        enum lds_photo_type type;
        unsigned width, height;
        size_t all = in.n;

        if (!bytes_take(&in, sizeof magic, &start) || !bytes_equal(start, BYTES(magic)))
                return false;
        if (!bytes_u32(&in, &record_length) || !bytes_u16(&in, &faces) || record_length != all || faces != 1)
                return false;
        if (!bytes_u32(&in, &face_length) || face_length != all - RECORD_HEADER || !bytes_u16(&in, &points))
                return false;
        if (!bytes_take(&in, FACE_HEADER - 6 + 8 * (size_t)points + IMAGE_HEADER, &skipped)) /* 5.6: 8 bytes a point */
                return false;
        if (!lds_photo_probe(in, &type, &width, &height))
                return false;
        ret->photo = in;
        ret->photo_type = type;
        return true;
}

bool lds_dg2_parse(struct bytes file, struct lds_record *ret)
{
        struct bytes templates, count, template, skipped, data;

        return der_only(file, TAG_DG2, &file) && der_only(file, TAG_TEMPLATES, &templates) &&
               der_take(&templates, TAG_COUNT, &count) && bytes_equal(count, BYTES(one)) &&
               der_only(templates, TAG_TEMPLATE, &template) && der_take(&template, TAG_HEADER, &skipped) &&
               der_only(template, TAG_DATA, &data) && take_record(data, ret);
}
