/* common/probe.h - static probes (USDT) of the processes: the instants that a frame's way is made
 * of, for `causeway trace` and any other tracer (bpftrace, perf, gdb).
 *
 *     PROBE3(verdict, seq, verdict, reason);
 *
 * A probe is one nop in the code, and a note in the program's file that says where it is and where
 * its arguments are at that moment.  Nothing is computed for it: only give it what the code has at
 * hand, in a register, on the stack, or at a fixed distance from a pointer, in at most 12
 * arguments. Each is said once here, and read by ctl/trace.bpf.c:
 *
 *     receive(seq, ticket, len, rx_ns)       ofproxy: a frame is let in, to be published next
 *     publish(ring, from, to, records)       a writer: the tail is about to be stored
 *     consume(ring, position, seq, ticket,   a reader: it has the record in hand (perhaps again:
 *             head_len, tail_len, rx_ns)     the position tells)
 *     verdict(seq, verdict, reason)          whoever decides what becomes of a frame
 *     send(fd, pieces), sent(fd, result)     ofproxy: before and after a batch goes to a switch
 *     settle(records)                        ofproxy: so many records of PKT_OUT are done with
 *
 * 'ring' is the ring's row in shm/topo.def, counted from 1; 0 is a ring of no run directory.  A
 * frame is followed by 'seq' (record.h) through all processes, and by 'position' within a ring.
 *
 * Built without <sys/sdt.h> (systemtap-sdt-dev), or with -DNO_PROBES, there are none. */
#ifndef COMMON_PROBE_H
#define COMMON_PROBE_H

#if defined(__has_include) && !defined(NO_PROBES)
#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define PROBES 1
#endif
#endif

#ifdef PROBES
#ifdef __x86_64__
/* A nop of five bytes has room for a call: from Linux 6.18 on a traced process makes a system call
 * there, which takes less than half as long as a trap.  An older kernel traps, as at any nop. */
#undef _SDT_NOP
#define _SDT_NOP .nops 5
#endif
#define PROBE1(name, a) DTRACE_PROBE1(causeway, name, a)
#define PROBE2(name, a, b) DTRACE_PROBE2(causeway, name, a, b)
#define PROBE3(name, a, b, c) DTRACE_PROBE3(causeway, name, a, b, c)
#define PROBE4(name, a, b, c, d) DTRACE_PROBE4(causeway, name, a, b, c, d)
#define PROBE7(name, a, b, c, d, e, f, g) DTRACE_PROBE7(causeway, name, a, b, c, d, e, f, g)
#else
#define PROBE1(name, a) ((void)(a))
#define PROBE2(name, a, b) ((void)(a), (void)(b))
#define PROBE3(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#define PROBE4(name, a, b, c, d) ((void)(a), (void)(b), (void)(c), (void)(d))
#define PROBE7(name, a, b, c, d, e, f, g)                                                          \
    ((void)(a), (void)(b), (void)(c), (void)(d), (void)(e), (void)(f), (void)(g))
#endif

#endif
