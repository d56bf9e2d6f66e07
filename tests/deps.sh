#!/bin/bash
# tests/deps.sh - the dependency rule: common <- shm <- each process, and nothing between processes.
# Prints each #include that breaks it; exit status 1 if any does.
set -u
cd "$(dirname "$0")/.." || exit 2
status=0

complain()
{
    echo "deps: $1"
    status=1
}

# Folder, and the folders whose headers its files may include.
check()
{
    local folder=$1 allowed=$2 file line header
    while IFS=: read -r file line header; do
        case " $allowed " in
        *" ${header%%/*} "*) ;;
        *) complain "$file:$line: includes $header; $folder may include only: $allowed" ;;
        esac
    done < <(grep -rnoE --include='*.[ch]' '^#include "[^"]+"' "$folder" 2>/dev/null |
        sed -E 's/#include "([^"]+)"/\1/')
}

check common "common"
check shm "common shm"
for process in ofproxy vnsbridge router webterm ctl; do
    check "$process" "common shm $process"
done
while read -r file; do
    case $file in
    shm/ring.c | shm/ring_layout.h | shm/ring_join.c | shm/ring_view.c | shm/board.c | shm/tap.c | shm/mirror.c | shm/pty.c | shm/words.[ch] | common/counter.c | common/counter_view.c | common/histogram.c) ;;
    *) complain "$file: C11 atomics stand in shm/ring*.c, shm/board.c, shm/mirror.c, shm/pty.c, shm/words.[ch], common/counter*.c and common/histogram.c only" ;;
    esac
done < <(grep -rlE --include='*.[ch]' 'stdatomic\.h|\b_Atomic\b' common shm ofproxy vnsbridge router webterm ctl 2>/dev/null)
while read -r file; do
    complain "$file: liburcu belongs to the router alone"
done < <(grep -rlE --include='*.[ch]' '<urcu' common shm ofproxy vnsbridge webterm ctl 2>/dev/null)
exit $status
