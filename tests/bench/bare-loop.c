/* bare-loop READER LIST: sends the commands of a list file (u16 length, bytes, ...) to a card and nothing else; prints
 * the milliseconds that took, after the first SKIP commands (argv[3]). The measure of what a host could do at best. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <winscard.h>

static double now_ms(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void need(LONG r, const char *what)
{
        if (r == SCARD_S_SUCCESS)
                return;
        (void)fprintf(stderr, "%s: %s\n", what, pcsc_stringify_error(r));
        exit(1);
}

int main(int argc, char **argv)
{
        static uint8_t list[1 << 20], answer[65538];
        SCARDCONTEXT context;
        SCARDHANDLE card;
        DWORD protocol;
        double start = 0;
        size_t n, skip;
        FILE *f;

        if (argc != 4)
                return 2;
        f = fopen(argv[2], "rbe");
        if (!f)
                return 2;
        n = fread(list, 1, sizeof list, f);
        (void)fclose(f);
        skip = (size_t)atoi(argv[3]);
        need(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context), "context");
        need(SCardConnect(context, argv[1], SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T1, &card, &protocol), "connect");
        need(SCardBeginTransaction(card), "transaction");
        for (size_t at = 0, i = 0; at + 2 <= n; i++) {
                DWORD size = (DWORD)(list[at] << 8 | list[at + 1]), got = sizeof answer;

                if (i == skip)
                        start = now_ms();
                need(SCardTransmit(card, SCARD_PCI_T1, list + at + 2, size, NULL, answer, &got), "transmit");
                if (got < 2 || answer[got - 2] != 0x90 || answer[got - 1] != 0x00) {
                        (void)fprintf(stderr, "command %zu refused\n", i);
                        return 1;
                }
                at += 2 + size;
        }
        (void)printf("%.3f\n", now_ms() - start);
        (void)SCardDisconnect(card, SCARD_UNPOWER_CARD);
        (void)SCardReleaseContext(context);
        return 0;
}
