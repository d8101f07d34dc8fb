#include "tests/unit/fake-scard.h"
#include "tests/unit/test.h"
#include <string.h>

struct fake fake;
static const SCARDCONTEXT context = 0x1234;
static const SCARDHANDLE handle = 0x5678;
static const uint8_t atr[] = { 0x3B, 0x80, 0x80, 0x01, 0x01 };

void fake_begin(const struct fake_row *rows)
{
        fake = (struct fake){
                .reader = "Fake 00 00", .rows = rows, .protocol = SCARD_PROTOCOL_T1, .state = SCARD_STATE_PRESENT
        };
}

/* Counts; true when this call is the one to fail. */
static bool fails(enum fake_call call)
{
        unsigned n = ++fake.calls[call];

        return fake.times > 0 && call == fake.at && n >= fake.n && n < fake.n + fake.times;
}

LONG SCardEstablishContext(DWORD scope, LPCVOID a, LPCVOID b, LPSCARDCONTEXT ret)
{
        CHECK(scope == SCARD_SCOPE_SYSTEM && !a && !b && fake.contexts_open == 0);
        if (fails(FAKE_ESTABLISH))
                return fake.code;
        fake.contexts++;
        fake.contexts_open++;
        *ret = context;
        return SCARD_S_SUCCESS;
}

LONG SCardReleaseContext(SCARDCONTEXT c)
{
        CHECK(c == context && fake.contexts_open == 1);
        fake.contexts_open--;
        return SCARD_S_SUCCESS;
}

LONG SCardGetStatusChange(SCARDCONTEXT c, DWORD timeout, SCARD_READERSTATE *states, DWORD n)
{
        CHECK(c == context && n == 1 && timeout <= 60000 && strcmp(states->szReader, fake.reader) == 0);
        if (fails(FAKE_WAIT))
                return fake.code;
        states->dwEventState = fake.state | SCARD_STATE_CHANGED;
        return SCARD_S_SUCCESS;
}

LONG SCardConnect(SCARDCONTEXT c, LPCSTR reader, DWORD mode, DWORD protocols, LPSCARDHANDLE ret, LPDWORD ret_protocol)
{
        CHECK(c == context && fake.contexts_open == 1 && strcmp(reader, fake.reader) == 0 && fake.cards_open == 0);
        CHECK(mode == SCARD_SHARE_EXCLUSIVE && protocols == (SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1));
        if (fails(FAKE_CONNECT))
                return fake.code;
        fake.cards_open++;
        fake.dead = fake.in_transaction = false;
        *ret = handle;
        *ret_protocol = fake.protocol;
        return SCARD_S_SUCCESS;
}

LONG SCardReconnect(SCARDHANDLE h, DWORD mode, DWORD protocols, DWORD how, LPDWORD ret_protocol)
{
        CHECK(h == handle && fake.cards_open == 1 && !fake.dead && !fake.in_transaction);
        CHECK(mode == SCARD_SHARE_EXCLUSIVE && protocols == (SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1));
        CHECK(how == SCARD_UNPOWER_CARD);
        if (fails(FAKE_RECONNECT))
                return fake.code;
        *ret_protocol = fake.protocol;
        return SCARD_S_SUCCESS;
}

LONG SCardDisconnect(SCARDHANDLE h, DWORD how)
{
        CHECK(h == handle && fake.cards_open == 1 && how == SCARD_UNPOWER_CARD);
        fake.cards_open--;
        return SCARD_S_SUCCESS;
}

LONG SCardBeginTransaction(SCARDHANDLE h)
{
        CHECK(h == handle && fake.cards_open == 1 && !fake.in_transaction);
        if (fails(FAKE_BEGIN))
                return fake.code;
        fake.in_transaction = true;
        return SCARD_S_SUCCESS;
}

LONG SCardEndTransaction(SCARDHANDLE h, DWORD how)
{
        CHECK(h == handle && fake.cards_open == 1 && how == SCARD_LEAVE_CARD);
        fake.in_transaction = false;
        return SCARD_S_SUCCESS;
}

LONG SCardStatus(SCARDHANDLE h, LPSTR reader, LPDWORD n_reader, LPDWORD state, LPDWORD protocol, LPBYTE ret_atr,
                 LPDWORD n_atr)
{
        CHECK(h == handle && fake.cards_open == 1 && !reader && n_reader && state && protocol);
        CHECK(*n_atr >= 33);
        if (fails(FAKE_STATUS))
                return fake.code;
        memcpy(ret_atr, atr, sizeof atr);
        *n_atr = sizeof atr;
        return SCARD_S_SUCCESS;
}

static const char *find(const uint8_t *command, DWORD n)
{
        char text[2 * 261 + 1];

        hex_encode((struct bytes){ command, n }, text, sizeof text);
        for (const struct fake_row *row = fake.rows; row->command; row++)
                if (strncmp(row->command, text, strlen(row->command)) == 0)
                        return row->answer;
        return "6D00";
}

static void damage(LPBYTE answer, LPDWORD n)
{
        if (fake.damage == FAKE_WHOLE || fake.calls[FAKE_TRANSMIT] != fake.damage_at)
                return;
        if (fake.damage == FAKE_CUT && fake.cut + 2 < *n) {
                memmove(answer + fake.cut, answer + *n - 2, 2);
                *n = fake.cut + 2;
        }
        if (fake.damage == FAKE_FLIP && fake.flip < *n)
                answer[fake.flip] = fake.flip_to;
}

LONG SCardTransmit(SCARDHANDLE h, const SCARD_IO_REQUEST *pci, LPCBYTE command, DWORD n, SCARD_IO_REQUEST *recv_pci,
                   LPBYTE answer, LPDWORD n_answer)
{
        size_t got = 0;

        CHECK(h == handle && fake.cards_open == 1 && fake.in_transaction && !fake.dead && !recv_pci);
        CHECK(pci->dwProtocol == fake.protocol && pci->cbPciLength == sizeof *pci);
        CHECK(n >= 4 && n <= 261 && *n_answer >= 258);
        if (fails(FAKE_TRANSMIT)) {
                fake.dead = true;
                *n_answer = fake.n_short;
                return fake.code;
        }
        CHECK(hex_decode(find(command, n), answer, *n_answer, &got));
        *n_answer = got;
        damage(answer, n_answer);
        return SCARD_S_SUCCESS;
}
