/* tests/fault/tracee_symbols.c */
#include "tests/fault/tracee_symbols.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "step: %s: %s\n", what, strerror(errno));
    exit(2);
}

static struct {
    char program[512]; /* of which it is */
    const Elf64_Ehdr *file;
    const Elf64_Sym *symbols;
    size_t n;
    const char *names;
    uint64_t end; /* of its text, from its base */
} elf;

static void find_end(void)
{
    const Elf64_Phdr *h = (const void *)((const char *)elf.file + elf.file->e_phoff);

    elf.end = 0;
    for (unsigned i = 0; i < elf.file->e_phnum; i++) {
        if (h[i].p_type == PT_LOAD && (h[i].p_flags & PF_X)) {
            elf.end = h[i].p_vaddr + h[i].p_memsz;
        }
    }
}

static void read_symbols(const char *program)
{
    const Elf64_Shdr *s;
    struct stat st;
    int fd;

    if (strcmp(elf.program, program) == 0) {
        return;
    }
    fd = open(program, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        fail(program);
    }
    elf.file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (elf.file == MAP_FAILED) {
        fail(program);
    }
    snprintf(elf.program, sizeof elf.program, "%s", program);
    find_end();
    s = (const void *)((const char *)elf.file + elf.file->e_shoff);
    for (unsigned i = 0; i < elf.file->e_shnum; i++) {
        if (s[i].sh_type == SHT_SYMTAB) {
            elf.symbols = (const void *)((const char *)elf.file + s[i].sh_offset);
            elf.n = s[i].sh_size / sizeof *elf.symbols;
            elf.names = (const char *)elf.file + s[s[i].sh_link].sh_offset;
        }
    }
}

/* Where the program was loaded: the kernel tells it the address of its entry. */
static uint64_t load_base(pid_t pid)
{
    Elf64_auxv_t a;
    char path[64];
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/auxv", (int)pid);
    f = fopen(path, "re");
    if (!f) {
        fail(path);
    }
    while (fread(&a, sizeof a, 1, f) == 1 && a.a_type != AT_ENTRY) {
    }
    fclose(f);
    return a.a_un.a_val - elf.file->e_entry;
}

void tracee_load_symbols(struct tracee *t)
{
    read_symbols(t->program);
    t->base = load_base(t->pid);
}

uint64_t tracee_find(const struct tracee *t, const char *function)
{
    for (size_t i = 0; i < elf.n; i++) {
        if (ELF64_ST_TYPE(elf.symbols[i].st_info) == STT_FUNC &&
            strcmp(elf.names + elf.symbols[i].st_name, function) == 0) {
            return t->base + elf.symbols[i].st_value;
        }
    }
    return 0;
}

uint64_t tracee_address(const struct tracee *t, const char *function)
{
    uint64_t at = tracee_find(t, function);

    if (at == 0) {
        fprintf(stderr, "step: %s has no function %s: was it stripped?\n", t->program, function);
        exit(2);
    }
    return at;
}

const char *tracee_where(const struct tracee *t, uint64_t rip)
{
    static char text[128];

    for (size_t i = 0; i < elf.n; i++) {
        const Elf64_Sym *s = &elf.symbols[i];

        if (ELF64_ST_TYPE(s->st_info) == STT_FUNC && rip - t->base - s->st_value < s->st_size) {
            snprintf(text, sizeof text, "%s+0x%" PRIx64, elf.names + s->st_name,
                     rip - t->base - s->st_value);
            return text;
        }
    }
    snprintf(text, sizeof text, "0x%" PRIx64, rip);
    return text;
}

bool tracee_is_in_program(const struct tracee *t, uint64_t rip)
{
    return rip - t->base < elf.end;
}

bool tracee_in_program(const struct tracee *t)
{
    return tracee_is_in_program(t, t->rip);
}
