/* shm/fault.c - the handler, which may use only what is safe in one. */
#include "shm/fault.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#define STACK (64 * 1024)

static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
#define SIGNALS (sizeof signals / sizeof signals[0])

static struct sigaction before[SIGNALS]; /* what each signal did: death, or a sanitizer's report */
static struct fault_note *volatile watched[FAULT_NOTES];
static bool (*volatile repair)(int signal, void *address);
static _Thread_local volatile bool handles_frames;
static pid_t self;
static _Alignas(16) uint8_t stack[STACK];

static bool by_kernel(const siginfo_t *info)
{
    return info->si_code > 0 && !(info->si_signo == SIGBUS && info->si_code == BUS_MCEERR_AO);
}

static bool is_evidence(const siginfo_t *info)
{
    if (info->si_signo == SIGBUS &&
        (info->si_code == BUS_MCEERR_AR || info->si_code == BUS_MCEERR_AO)) {
        return false; /* the machine's memory */
    }
    /* abort() and raise() reach their own thread by tgkill; kill() by anybody is SI_USER */
    return info->si_code > 0 || (info->si_code == SI_TKILL && info->si_pid == self);
}

/* A process killed from outside in the middle of this leaves no evidence, never a wrong one. */
static void blame(const struct fault_note *n, int signal)
{
    volatile struct fault_evidence *e = n->kept;
    uint64_t place = n->hand, deaths = e->place == place ? e->deaths : 0;

    if (place == FAULT_NONE) {
        return;
    }
    e->deaths = 0;
    e->place = place;
    e->signal = (uint64_t)signal;
    e->deaths = deaths < UINT_MAX ? deaths + 1 : deaths;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    bool (*cures)(int, void *) = repair;
    int err = errno;

    (void)context;
    if (cures && by_kernel(info) && cures(signal, info->si_addr)) {
        errno = err;
        return;
    }
    for (unsigned i = 0; handles_frames && is_evidence(info) && i < FAULT_NOTES; i++) {
        if (watched[i]) {
            blame(watched[i], signal);
        }
    }
    for (unsigned i = 0; i < SIGNALS; i++) {
        if (signals[i] == signal) {
            sigaction(signal, &before[i], NULL);
        }
    }
    if (!by_kernel(info)) {
        raise(signal); /* comes once this returns; a fault of the kernel's comes again by itself */
    }
    errno = err;
}

static void give_stack(void)
{
    stack_t now, own = {.ss_sp = stack, .ss_size = sizeof stack};

    if (sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE)) {
        sigaltstack(&own, NULL);
    }
}

void fault_open(void)
{
    struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    handles_frames = true;
    if (self == getpid()) {
        return;
    }
    self = getpid();
    give_stack();
    sigfillset(&act.sa_mask);
    for (unsigned i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &act, &before[i]);
    }
}

void fault_set_repair(bool (*cures)(int signal, void *address))
{
    repair = cures;
}

void fault_note_open(struct fault_note *n, struct fault_evidence *kept)
{
    *n = (struct fault_note){.hand = FAULT_NONE, .kept = kept, .suspect = FAULT_NONE};
    if (kept->deaths > 0) {
        n->suspect = kept->place;
        n->deaths = kept->deaths < UINT_MAX ? (unsigned)kept->deaths : UINT_MAX;
        n->signal = (int)kept->signal;
    }
}

void fault_unwatch(struct fault_note *n)
{
    for (unsigned i = 0; i < FAULT_NOTES; i++) {
        if (watched[i] == n) {
            watched[i] = NULL;
        }
    }
}

void fault_watch(struct fault_note *n)
{
    unsigned i = 0;

    fault_unwatch(n);
    while (i < FAULT_NOTES && watched[i]) {
        i++;
    }
    assert(i < FAULT_NOTES);
    watched[i] = n;
}
