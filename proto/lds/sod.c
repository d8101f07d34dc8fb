#include "proto/lds/sod.h"
#include "proto/lds/der.h"
#include "proto/text/date.h"
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

enum { /* X.690 8: universal tags, and the context tags of RFC 5652 */
       SEQUENCE = 0x30,
       SET = 0x31,
       INTEGER = 0x02,
       OCTET_STRING = 0x04,
       OID = 0x06,
       PRINTABLE_STRING = 0x13,
       UTC_TIME = 0x17,
       EXPLICIT_0 = 0xA0,
       UTC_TIME_SIZE = 13,
       ATTRIBUTES_MAX = 256,
       HALF = LDS_RAW_SIGNATURE_SIZE / 2,
};

#define OID_SIGNED_DATA 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02
static const uint8_t signed_data[] = { OID_SIGNED_DATA };                                         /* RFC 5652 5.1 */
static const uint8_t security_object[] = { 0x67, 0x81, 0x08, 0x01, 0x01, 0x01 };                  /* ICAO 9303-10 */
static const uint8_t content_type[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x03 };   /* 11.1 */
static const uint8_t message_digest[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x04 }; /* 11.2 */
static const uint8_t signing_time[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x05 };   /* 11.3 */
static const uint8_t sha256_oid[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01 };     /* RFC 5754 2.2 */
static const uint8_t ecdsa_sha256_oid[] = { 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02 };     /* RFC 5758 3.2 */

static void put_number(struct writer *w, uint8_t number)
{
        der_put(w, INTEGER, (struct bytes){ &number, 1 });
}

static void put_algorithm(struct writer *w, struct bytes oid)
{
        size_t mark = der_open(w, SEQUENCE);

        der_put(w, OID, oid);
        der_close(w, mark);
}

void lds_object_put(struct writer *w, const struct lds_hash *hashes, size_t n)
{
        size_t object = der_open(w, SEQUENCE), list, item;

        put_number(w, 1); /* v1: with the LDS version inside */
        put_algorithm(w, BYTES(sha256_oid));
        list = der_open(w, SEQUENCE);
        for (size_t i = 0; i < n; i++) {
                item = der_open(w, SEQUENCE);
                put_number(w, hashes[i].group);
                der_put(w, OCTET_STRING, BYTES(hashes[i].sha256));
                der_close(w, item);
        }
        der_close(w, list);
        item = der_open(w, SEQUENCE);
        der_put(w, PRINTABLE_STRING, BYTES_STR("0108"));
        der_put(w, PRINTABLE_STRING, BYTES_STR("150000"));
        der_close(w, item);
        der_close(w, object);
}

static bool take_hash(struct bytes *in, struct lds_hash *ret)
{
        struct bytes item, group, hash;

        if (!der_take(in, SEQUENCE, &item) || !der_take(&item, INTEGER, &group) || group.n != 1)
                return false;
        if (!der_only(item, OCTET_STRING, &hash) || hash.n != sizeof ret->sha256)
                return false;
        ret->group = group.p[0];
        return bytes_copy(&hash, ret->sha256, sizeof ret->sha256);
}

bool lds_object_parse(struct bytes object, struct lds_hash ret[LDS_GROUPS_MAX], size_t *ret_n)
{
        uint8_t again[LDS_OBJECT_MAX];
        struct writer w = WRITER(again);
        struct bytes in, version, algorithm, list;
        size_t n = 0;

        if (!der_only(object, SEQUENCE, &in) || !der_take(&in, INTEGER, &version) ||
            !der_take(&in, SEQUENCE, &algorithm) || !der_take(&in, SEQUENCE, &list))
                return false;
        for (; list.n > 0; n++) {
                if (n == LDS_GROUPS_MAX || !take_hash(&list, &ret[n]))
                        return false;
                if (ret[n].group < 1 || ret[n].group > LDS_GROUPS_MAX || (n > 0 && ret[n].group <= ret[n - 1].group))
                        return false;
        }
        lds_object_put(&w, ret, n);
        *ret_n = n;
        return n > 0 && bytes_equal(writer_bytes(&w), object);
}

static void put_attribute(struct writer *w, struct bytes oid, uint32_t tag, struct bytes value)
{
        size_t attribute = der_open(w, SEQUENCE), values;

        der_put(w, OID, oid);
        values = der_open(w, SET);
        der_put(w, tag, value);
        der_close(w, values);
        der_close(w, attribute);
}

/* The three attributes in the order of their encodings (X.690 11.6): their lengths rise. */
static void put_attributes(struct writer *w, uint32_t tag, struct bytes object, int64_t signed_at)
{
        uint8_t digest[LDS_HASH_SIZE];
        char t[TIME_TEXT_MAX], utc[UTC_TIME_SIZE + 1];
        size_t mark;

        if (signed_at < 0 || signed_at >= INT64_C(2524608000)) { /* 2050-01-01: RFC 5652 11.3 changes the form */
                w->failed = true;
                return;
        }
        time_format(signed_at, t);
        (void)snprintf(utc, sizeof utc, "%.2s%.2s%.2s%.2s%.2s%.2sZ", t + 2, t + 5, t + 8, t + 11, t + 14, t + 17);
        SHA256(object.p, object.n, digest);
        mark = der_open(w, tag);
        put_attribute(w, BYTES(content_type), OID, BYTES(security_object));
        put_attribute(w, BYTES(signing_time), UTC_TIME, (struct bytes){ (const uint8_t *)utc, UTC_TIME_SIZE });
        put_attribute(w, BYTES(message_digest), OCTET_STRING, BYTES(digest));
        der_close(w, mark);
}

bool lds_sod_digest(struct bytes object, int64_t signed_at, uint8_t ret[LDS_HASH_SIZE])
{
        uint8_t buffer[ATTRIBUTES_MAX];
        struct writer w = WRITER(buffer);

        put_attributes(&w, SET, object, signed_at);
        if (w.failed)
                return false;
        SHA256(w.p, w.n, ret);
        return true;
}

/* Issuer and serial number as they stand in the certificate (RFC 5280 4.1). */
static bool certificate_names(struct bytes certificate, struct bytes *ret_issuer, struct bytes *ret_serial)
{
        struct bytes in, tbs, skipped;

        return der_only(certificate, SEQUENCE, &in) && der_take(&in, SEQUENCE, &tbs) &&
               der_take(&tbs, EXPLICIT_0, &skipped) && der_take_whole(&tbs, INTEGER, ret_serial) &&
               der_take(&tbs, SEQUENCE, &skipped) && der_take_whole(&tbs, SEQUENCE, ret_issuer);
}

static void put_signer(struct writer *w, const struct lds_sod *sod)
{
        struct bytes issuer, serial;
        size_t mark, names;

        if (!certificate_names(sod->certificate, &issuer, &serial)) {
                w->failed = true;
                return;
        }
        mark = der_open(w, SEQUENCE);
        put_number(w, 1); /* RFC 5652 5.3: issuerAndSerialNumber */
        names = der_open(w, SEQUENCE);
        write_bytes(w, issuer);
        write_bytes(w, serial);
        der_close(w, names);
        put_algorithm(w, BYTES(sha256_oid));
        put_attributes(w, EXPLICIT_0, sod->object, sod->signed_at);
        put_algorithm(w, BYTES(ecdsa_sha256_oid));
        der_put(w, OCTET_STRING, sod->signature);
        der_close(w, mark);
}

static void put_content(struct writer *w, struct bytes object)
{
        size_t content = der_open(w, SEQUENCE), wrapped;

        der_put(w, OID, BYTES(security_object));
        wrapped = der_open(w, EXPLICIT_0);
        der_put(w, OCTET_STRING, object);
        der_close(w, wrapped);
        der_close(w, content);
}

void lds_sod_put(struct writer *w, const struct lds_sod *sod)
{
        size_t file = der_open(w, LDS_TAG_SOD), info = der_open(w, SEQUENCE), wrapped, data, set;

        der_put(w, OID, BYTES(signed_data));
        wrapped = der_open(w, EXPLICIT_0);
        data = der_open(w, SEQUENCE);
        put_number(w, 3); /* RFC 5652 5.1: eContentType is not id-data */
        set = der_open(w, SET);
        put_algorithm(w, BYTES(sha256_oid));
        der_close(w, set);
        put_content(w, sod->object);
        der_put(w, EXPLICIT_0, sod->certificate);
        set = der_open(w, SET);
        put_signer(w, sod);
        der_close(w, set);
        der_close(w, data);
        der_close(w, wrapped);
        der_close(w, info);
        der_close(w, file);
}

static bool take_time(struct bytes value, int64_t *ret)
{
        char text[TIME_TEXT_MAX], t[UTC_TIME_SIZE + 1] = "";

        if (value.n != UTC_TIME_SIZE)
                return false;
        memcpy(t, value.p, UTC_TIME_SIZE);
        (void)snprintf(text, sizeof text, "%s%.2s-%.2s-%.2sT%.2s:%.2s:%.2sZ", t[0] < '5' ? "20" : "19", t, t + 2, t + 4,
                       t + 6, t + 8, t + 10);
        return time_parse(text, ret);
}

/* The second of the signed attributes. */
static bool take_signing_time(struct bytes attributes, int64_t *ret)
{
        struct bytes attribute, oid, values, time;

        return der_take(&attributes, SEQUENCE, &attribute) && der_take(&attributes, SEQUENCE, &attribute) &&
               der_take(&attribute, OID, &oid) && der_only(attribute, SET, &values) &&
               der_only(values, UTC_TIME, &time) && take_time(time, ret);
}

static bool take_signer(struct bytes in, struct lds_sod *ret)
{
        struct bytes signer, skipped, attributes;

        return der_only(in, SEQUENCE, &signer) && der_take(&signer, INTEGER, &skipped) &&
               der_take(&signer, SEQUENCE, &skipped) && der_take(&signer, SEQUENCE, &skipped) &&
               der_take(&signer, EXPLICIT_0, &attributes) && der_take(&signer, SEQUENCE, &skipped) &&
               der_only(signer, OCTET_STRING, &ret->signature) && take_signing_time(attributes, &ret->signed_at);
}

static bool take_content(struct bytes in, struct bytes *ret_object)
{
        struct bytes oid, wrapped;

        return der_take(&in, OID, &oid) && der_only(in, EXPLICIT_0, &wrapped) &&
               der_only(wrapped, OCTET_STRING, ret_object);
}

static bool take_data(struct bytes in, struct lds_sod *ret)
{
        struct bytes skipped, content, signers;

        return der_take(&in, INTEGER, &skipped) && der_take(&in, SET, &skipped) && der_take(&in, SEQUENCE, &content) &&
               take_content(content, &ret->object) && der_take(&in, EXPLICIT_0, &ret->certificate) &&
               der_only(in, SET, &signers) && take_signer(signers, ret);
}

static bool take_parts(struct bytes file, struct lds_sod *ret)
{
        struct bytes info, oid, wrapped, data;

        return der_only(file, LDS_TAG_SOD, &file) && der_only(file, SEQUENCE, &info) && der_take(&info, OID, &oid) &&
               der_only(info, EXPLICIT_0, &wrapped) && der_only(wrapped, SEQUENCE, &data) && take_data(data, ret);
}

bool lds_sod_parse(struct bytes file, struct lds_sod *ret)
{
        uint8_t again[LDS_SOD_MAX];
        struct writer w = WRITER(again);
        struct lds_sod sod = { 0 };

        if (!take_parts(file, &sod))
                return false;
        lds_sod_put(&w, &sod);
        if (w.failed || !bytes_equal(writer_bytes(&w), file))
                return false;
        *ret = sod;
        return true;
}

/* INTEGER of an unsigned number of HALF bytes: minimal, with a leading zero when it would read as negative. */
static void put_half(struct writer *w, const uint8_t half[HALF])
{
        struct bytes number = { half, HALF };
        size_t mark = der_open(w, INTEGER);

        while (number.n > 1 && number.p[0] == 0)
                number = (struct bytes){ number.p + 1, number.n - 1 };
        if (number.p[0] & 0x80)
                write_u8(w, 0);
        write_bytes(w, number);
        der_close(w, mark);
}

/* RFC 3279 2.2.3 */
static void put_signature(struct writer *w, const uint8_t raw[LDS_RAW_SIGNATURE_SIZE])
{
        size_t mark = der_open(w, SEQUENCE);

        put_half(w, raw);
        put_half(w, raw + HALF);
        der_close(w, mark);
}

int lds_sod_build(const struct lds_hash *hashes, size_t n, struct bytes certificate, int64_t signed_at, lds_sign sign,
                  void *context, struct writer *w, struct error *err)
{
        uint8_t object[LDS_OBJECT_MAX], digest[LDS_HASH_SIZE], raw[LDS_RAW_SIGNATURE_SIZE],
                der[LDS_RAW_SIGNATURE_SIZE + 8];
        struct writer o = WRITER(object), s = WRITER(der);
        struct lds_sod sod = { .certificate = certificate, .signed_at = signed_at };

        lds_object_put(&o, hashes, n);
        sod.object = writer_bytes(&o);
        if (o.failed || !lds_sod_digest(sod.object, signed_at, digest))
                return err_own(err, ERR_BUG, REASON_INTERNAL, "the security object cannot be built");
        if (sign(context, digest, raw, err) < 0)
                return -1;
        put_signature(&s, raw);
        sod.signature = writer_bytes(&s);
        lds_sod_put(w, &sod);
        return w->failed ? err_own(err, ERR_BUG, REASON_INTERNAL, "the security object does not fit") : 0;
}
