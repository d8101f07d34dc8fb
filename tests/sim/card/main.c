/* card-sim: a GlobalPlatform card on a vpcd reader; README.md beside this file. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/card/card.h"
#include "tests/sim/card/link.h"

enum { EXIT_USAGE = 2, EXIT_TORN = 3, DIAL_FIRST_MS = 10, DIAL_MAX_MS = 250 };

static const char help[] =
        "usage: card-sim            (all settings come from the environment)\n"
        "A GlobalPlatform card with SCP03 in a vpcd reader. It is in the reader while this program runs;\n"
        "SIGTERM takes it out. MOHR_CARD_DIR keeps its memory: the same folder is the same card.\n\n"
        "  MOHR_CARD_HOST, MOHR_CARD_PORT  the vpcd reader\n"
        "  MOHR_CARD_DIR                   folder of the card's memory (state, log); made when missing\n"
        "  MOHR_CARD_KDD                   10 bytes of key diversification data, hexadecimal\n"
        "  MOHR_CARD_SERIAL                serial printed on the card\n\n"
        "Each insertion:\n"
        "  MOHR_SIM_ATR=HEX          MOHR_SIM_T0=1             MOHR_SIM_SCP_I=HEX (70)\n"
        "  MOHR_SIM_MAXLEN=N (255)   MOHR_SIM_MAXREAD=N (256)  MOHR_SIM_LOCK_SW=HEX (6283)\n"
        "  MOHR_SIM_DELAY_MS=N       MOHR_SIM_WRITE_MS=N\n"
        "  MOHR_SIM_TEAR=N[:before|:after|:during]   MOHR_SIM_TEAR_OUT_MS=N\n"
        "  MOHR_SIM_MUTE=N[:zero|:short]     MOHR_SIM_GARBAGE=N    MOHR_SIM_ENDLESS=N[:61|:6C|:tlv]\n"
        "  MOHR_SIM_HOOK=N[:before|:after]   MOHR_SIM_HOOK_RUN=COMMAND     MOHR_SIM_TRACE=1\n"
        "New cards only:\n"
        "  MOHR_SIM_WRONG_KEYS=1     MOHR_SIM_FOREIGN=1        MOHR_SIM_LOCKED=1\n"
        "  MOHR_SIM_PERSONALISED=1|FOLDER\n\n"
        "Exit status: 0 taken out, 1 the machine failed, 2 bad setting, 3 torn out by MOHR_SIM_TEAR.\n";

/* Every state is durable when its command has been answered: nothing is left to do. */
static void taken_out(int signal_number)
{
        (void)signal_number;
        _exit(0);
}

static void pause_ms(unsigned ms)
{
        struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L };

        (void)nanosleep(&t, NULL);
}

/* pcscd opens its readers at its first client and closes them when it ends: dial until somebody is there. */
static int insert(const struct options *options)
{
        unsigned wait = DIAL_FIRST_MS;
        int fd;

        while ((fd = link_dial(options->host, options->port)) < 0) {
                pause_ms(wait);
                wait = wait * 2 < DIAL_MAX_MS ? wait * 2 : DIAL_MAX_MS;
        }
        return fd;
}

static bool control(struct card *card, int fd, uint8_t what)
{
        if (what == LINK_ATR)
                return link_send(fd, card->options->atr, card->options->n_atr);
        if (what == LINK_OFF || what == LINK_ON || what == LINK_RESET)
                card_reset(card);
        return true;
}

/* Serves the reader until the link drops; tells whether the card was torn out. */
static bool serve(struct card *card, int fd)
{
        static uint8_t in[FRAME_MAX], out[512];
        size_t n, n_out;

        while (link_receive(fd, in, &n)) {
                if (n == 1) {
                        if (!control(card, fd, in[0]))
                                return false;
                        continue;
                }
                if (card_transmit(card, in, n, out, &n_out) == WIRE_TORN)
                        return true;
                if (!link_send(fd, out, n_out))
                        return false;
        }
        return false;
}

int main(int argc, char **argv)
{
        struct sigaction action = { .sa_handler = taken_out };
        static struct options options;
        static struct card card;

        if (argc > 1) {
                bool asked = strcmp(argv[1], "--help") == 0;

                fputs(help, asked ? stdout : stderr);
                return asked ? 0 : EXIT_USAGE;
        }
        (void)sigaction(SIGTERM, &action, NULL);
        (void)sigaction(SIGINT, &action, NULL);
        options_read(&options);
        card_init(&card, &options);
        for (;;) {
                int fd = insert(&options);
                bool torn = serve(&card, fd);

                close(fd);
                card_reset(&card);
                if (torn && options.tear_out_ms < 0)
                        return EXIT_TORN;
                pause_ms(torn ? (unsigned)options.tear_out_ms : DIAL_MAX_MS);
        }
}
