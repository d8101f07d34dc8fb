#include "daemon/work/net/answer.h"
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Alerts by which a server refuses our certificate (RFC 8446 6.2): it then never read the request. */
static bool refuses_certificate(int alert)
{
        return (alert >= SSL_AD_BAD_CERTIFICATE && alert <= SSL_AD_CERTIFICATE_UNKNOWN) || alert == SSL_AD_UNKNOWN_CA ||
               alert == SSL_AD_ACCESS_DENIED || alert == SSL_AD_CERTIFICATE_REQUIRED ||
               alert == SSL_AD_HANDSHAKE_FAILURE;
}

/* Codes of a wrong certificate or key on either side, before anything was sent; CURLE_ABORTED_BY_CALLBACK is ours: the
 * server did not ask for a certificate. */
static bool certificate_code(CURLcode code)
{
        return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CERTPROBLEM ||
               code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CRL_BADFILE || code == CURLE_SSL_ISSUER_ERROR ||
               code == CURLE_SSL_CIPHER || code == CURLE_SSL_INVALIDCERTSTATUS || code == CURLE_ABORTED_BY_CALLBACK;
}

/* An answer came, but none of the contract's. */
static bool nonsense_code(CURLcode code)
{
        return code == CURLE_WRITE_ERROR || code == CURLE_FILESIZE_EXCEEDED || code == CURLE_WEIRD_SERVER_REPLY ||
               code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_BAD_CONTENT_ENCODING;
}

static enum error_kind lost_kind(bool mutating)
{
        return mutating ? ERR_UNKNOWN : ERR_RETRY; /* a GET has no effect */
}

/* OpenSSL's own words for what is wrong with the server's certificate, where it came to that. */
static const char *words_of(CURL *curl, CURLcode code)
{
        long verified = X509_V_OK;

        if (code == CURLE_SSL_CRL_BADFILE)
                return "the list of revoked certificates cannot be read";
        if (code != CURLE_PEER_FAILED_VERIFICATION ||
            curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &verified) != CURLE_OK || verified == X509_V_OK)
                return curl_easy_strerror(code);
        return X509_verify_cert_error_string(verified);
}

int answer_failed(CURL *curl, CURLcode code, bool sent, int alert, bool mutating, struct error *err)
{
        const char *text = words_of(curl, code);

        if (refuses_certificate(alert))
                return err_set(err, ERR_OPERATOR, ORIGIN_CURL, (uint32_t)code, REASON_PORTAL_TLS,
                               "the portal refuses the station's certificate (TLS alert %d)", alert);
        if (!sent && code == CURLE_ABORTED_BY_CALLBACK)
                return err_set(err, ERR_OPERATOR, ORIGIN_CURL, (uint32_t)code, REASON_PORTAL_TLS,
                               "the server does not ask for the station's certificate");
        if (!sent && certificate_code(code))
                return err_set(err, ERR_OPERATOR, ORIGIN_CURL, (uint32_t)code, REASON_PORTAL_TLS, "%s", text);
        if (!sent)
                return err_set(err, ERR_RETRY, ORIGIN_CURL, (uint32_t)code, REASON_PORTAL_DOWN, "nothing sent: %s",
                               text);
        return err_set(err, lost_kind(mutating), ORIGIN_CURL, (uint32_t)code,
                       nonsense_code(code) ? REASON_PORTAL_NONSENSE : REASON_PORTAL_DOWN, "no whole answer: %s", text);
}

/* The header's one value; NULL when absent or given twice. */
static const char *header(CURL *curl, const char *name)
{
        struct curl_header *h = NULL;

        if (curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK || h->amount != 1)
                return NULL;
        return h->value;
}

static bool header_present(CURL *curl, const char *name)
{
        struct curl_header *h = NULL;

        return curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK;
}

/* Media type without parameters (RFC 9110 8.3.1). */
static bool media_is(const char *value, const char *type)
{
        size_t n = strlen(type);

        return strncasecmp(value, type, n) == 0 && (value[n] == '\0' || value[n] == ';' || value[n] == ' ');
}

static enum net_type body_type(CURL *curl, size_t n, bool photo, long status)
{
        const char *value = header(curl, "Content-Type");

        if (n == 0 || !value)
                return NET_NONE;
        if (media_is(value, "application/json"))
                return photo && status < 300 ? NET_NONE : NET_JSON;
        if (photo && media_is(value, "image/jpeg"))
                return NET_JPEG;
        return photo && media_is(value, "image/png") ? NET_PNG : NET_NONE;
}

static bool chunked(CURL *curl)
{
        const char *value = header(curl, "Transfer-Encoding");

        return value && strcasecmp(value, "chunked") == 0;
}

static bool identity(CURL *curl)
{
        const char *value = header(curl, "Content-Encoding");

        return !header_present(curl, "Content-Encoding") || (value && strcasecmp(value, "identity") == 0);
}

/* RFC 9112 6.3: exactly one of Content-Length, which must then be right, and chunked coding tells the body's end. */
static bool end_told(CURL *curl, size_t n)
{
        const char *length = header(curl, "Content-Length");

        if (chunked(curl))
                return !header_present(curl, "Content-Length");
        return length && length[0] && strspn(length, "0123456789") == strlen(length) && strtoull(length, NULL, 10) == n;
}

/* NULL, or what is wrong with a complete answer. */
static const char *fault_of(CURL *curl, long status, size_t n, enum net_type type)
{
        if (status < 200 || status > 599 || (status >= 300 && status < 400))
                return "a status outside the contract";
        if (!identity(curl))
                return "a coded body that nobody asked for";
        if (status != 204 && !end_told(curl, n))
                return "the end of the body is not told, or otherwise than it came";
        return status < 300 && n > 0 && type == NET_NONE ? "a foreign content type" : NULL;
}

static int64_t seconds(const char *value)
{
        size_t n = value ? strspn(value, "0123456789") : 0;

        return n > 0 && n <= 5 && value[n] == '\0' && atol(value) <= 86400 ? atol(value) : -1;
}

int answer_read(CURL *curl, size_t n, bool photo, bool mutating, struct net_answer *ret, struct error *err)
{
        const char *date = header(curl, "Date"), *fault;
        long status = 0;

        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        ret->type = body_type(curl, n, photo, status);
        fault = fault_of(curl, status, n, ret->type);
        if (fault)
                return err_set(err, lost_kind(mutating), ORIGIN_HTTP, (uint32_t)status, REASON_PORTAL_NONSENSE, "%s",
                               fault);
        ret->status = (int)status;
        ret->date = date ? (int64_t)curl_getdate(date, NULL) : -1;
        ret->retry_after_s = seconds(header(curl, "Retry-After"));
        return 0;
}
