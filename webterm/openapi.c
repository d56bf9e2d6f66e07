/* webterm/openapi.c - the files as they are, by the assembler. */
#include "webterm/openapi.h"

#define EMBED(name, file)                                                                          \
    __asm__(".section .rodata\n.global " #name "_text\n" #name "_text:\n.incbin \"" file           \
            "\"\n" #name "_end:\n.byte 0\n.balign 8\n.global " #name "_len\n" #name                \
            "_len:\n.quad " #name "_end - " #name "_text\n.previous\n")

EMBED(openapi_yaml, "docs/openapi.yaml");
EMBED(openapi_json, "docs/openapi.json");
