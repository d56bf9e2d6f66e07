/* tests/verify/lease.pml - boards and frames: vnsbridge, restarted under a router that stays, never makes it drop a
 * frame; and a frame is never handled with an older state than was published before it.
 *
 * Models: vnsbridge/bridge.c (bridge_attach), vnsbridge/lease.c (lease_open, read_session, lease_publish),
 * router/port_ring.c (read_boards, next), shm/role.c (role_take, role_look).
 *
 * The router asks for the virtual host, and its interfaces are there; vnsbridge dies at most V times.  Whatever it
 * publishes on its way up, the router may read at any moment.  Each switch breaks one thing. */
#ifndef V
#define V 2
#endif
#ifndef FRAMES
#define FRAMES 2
#endif
#define STEP(...) if :: atomic { __VA_ARGS__ } :: atomic { lives > 0 -> lives--; goto dead } fi

bool session = true; /* the router's row: it wants to be the virtual host */
bool lease;          /* vnsbridge's row: it is */
byte vns_in;         /* frames in the ring */
bool owned, said, ready; /* vnsbridge's role: its two locks, and what its row says */
bool up;             /* for the check: this vnsbridge, not a dead one, has come to be ready */

active proctype vnsbridge()
{
    byte lives = V, sent;
    bool ring;
    goto start;

dead:
    atomic { owned = false; said = false; up = false; ring = false } /* the kernel frees both locks */
start:
    STEP(owned = true); /* role_take */
#ifdef SAID_BEFORE_ROW
    STEP(said = true);
    STEP(ready = false);
#else
    STEP(ready = false);
    STEP(said = true);
#endif
#ifdef PUBLISH_BEFORE_READING
    STEP(lease = ring);
#endif
    STEP(ring = session); /* lease_open */
    STEP(lease = ring);   /* lease_publish */
    STEP(ready = true; up = true);
    do
    :: sent < FRAMES -> STEP(sent++; vns_in++)
    :: else -> break
    od
}

active proctype router()
{
    bool mine, now;

end:
    do
    :: atomic { mine = lease } /* read_boards, when a turn ends */
    :: atomic { vns_in > 0 -> now = mine }; /* next: a frame was seen */
#ifndef NO_LOOK_BEFORE_FRAME
        atomic { mine = lease };
        if
        :: mine != now -> skip /* the frame stays for the next turn */
        :: else -> assert(mine); vns_in--
        fi;
#else
        assert(mine);
        vns_in--;
#endif
        now = false
    od
}

/* role_look: whoever is alive by the second lock has said itself what the row says. */
active proctype watcher()
{
    atomic { said && ready -> assert(up) }
}
